//! Messages to people, through an SNS topic.

use crate::clients::Aws;
use crate::error::{AwsError, failed};

/// SNS takes subjects of up to 100 ASCII characters, without line breaks.
const SUBJECT_CHARACTERS: usize = 100;

/// SNS takes messages of up to 256 KB.
const MESSAGE_BYTES: usize = 256 * 1024;

impl Aws {
    /// Publishes a message. What SNS would refuse a subject or a message for is replaced or cut: a notice must not be lost over it.
    pub async fn publish(&self, topic_arn: &str, subject: &str, message: &str) -> Result<(), AwsError> {
        let call = self.sns().publish().topic_arn(topic_arn);
        let call = call.subject(fitting_subject(subject)).message(cut(message, MESSAGE_BYTES));
        call.send().await.map(drop).map_err(failed("Publish"))
    }
}

fn fitting_subject(subject: &str) -> String {
    let printable = |character: char| if character.is_ascii_graphic() { character } else { ' ' };
    let text: String = subject.trim().chars().map(printable).take(SUBJECT_CHARACTERS).collect();
    if text.trim().is_empty() { "failover".to_owned() } else { text }
}

fn cut(text: &str, most_bytes: usize) -> &str {
    let mut end = text.len().min(most_bytes);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sns_refuses_is_replaced_or_cut() {
        assert_eq!(fitting_subject("db: done\nin 12 s – well"), "db: done in 12 s   well");
        assert_eq!(fitting_subject(&"x".repeat(200)).len(), SUBJECT_CHARACTERS);
        assert_eq!(fitting_subject("\n"), "failover");
        assert_eq!(cut("äöü", 3), "ä");
        assert_eq!(cut("abc", 10), "abc");
    }
}
