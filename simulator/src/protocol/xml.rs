//! Writes XML straight into one string: no tree, because a describe is answered thousands of times a second.

use std::fmt::{Display, Write};

/// XML under construction. Tags come from code, text is escaped.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    out: String,
}

impl Xml {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes) }
    }

    pub(crate) fn open(&mut self, tag: &str) {
        self.out.push('<');
        self.out.push_str(tag);
        self.out.push('>');
    }

    pub(crate) fn close(&mut self, tag: &str) {
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }

    /// An element around others.
    pub(crate) fn element(&mut self, tag: &str, content: impl FnOnce(&mut Self)) {
        self.open(tag);
        content(self);
        self.close(tag);
    }

    /// A document's root, with the namespace of all that is in it.
    pub(crate) fn root(&mut self, tag: &str, namespace: &str, content: impl FnOnce(&mut Self)) {
        // Namespaces come from code, as tags do.
        let _ = write!(self.out, "<{tag} xmlns=\"{namespace}\">");
        content(self);
        self.close(tag);
    }

    pub(crate) fn text(&mut self, tag: &str, text: &str) {
        self.open(tag);
        self.push_escaped(text);
        self.close(tag);
    }

    /// The element, if there is something to say.
    pub(crate) fn optional(&mut self, tag: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(tag, text);
        }
    }

    /// Numbers, booleans, addresses: what needs no escaping.
    pub(crate) fn plain(&mut self, tag: &str, value: impl Display) {
        self.open(tag);
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{value}");
        self.close(tag);
    }

    pub(crate) fn time(&mut self, tag: &str, at: std::time::SystemTime) {
        self.open(tag);
        crate::time::push_timestamp(&mut self.out, at);
        self.close(tag);
    }

    fn push_escaped(&mut self, text: &str) {
        let special = |letter: char| matches!(letter, '&' | '<' | '>' | '"') || is_unwritten(letter);
        let mut rest = text;
        while let Some(position) = rest.find(special) {
            let (plain, from_special) = rest.split_at(position);
            self.out.push_str(plain);
            let mut characters = from_special.chars();
            self.out.push_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\r') => "&#xD;",
                _ => "\u{fffd}",
            });
            rest = characters.as_str();
        }
        self.out.push_str(rest);
    }

    pub(crate) fn raw(&mut self, xml: &str) {
        self.out.push_str(xml);
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}

/// A parser would read a carriage return as a line's end; XML 1.0 has no way to write the other control characters.
fn is_unwritten(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_nesting_kept() {
        let mut xml = Xml::default();
        xml.element("tagSet", |xml| {
            xml.text("key", "a<b> & \"c\"ü\r\u{1}\n");
            xml.plain("size", 20);
        });
        assert_eq!(
            xml.finish(),
            "<tagSet><key>a&lt;b&gt; &amp; &quot;c&quot;ü&#xD;\u{fffd}\n</key><size>20</size></tagSet>"
        );
    }
}
