//! Text to tokens.

/// One token and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A bare word: an attribute's name, a function or a keyword.
    Word,
    /// `#name`
    NameReference,
    /// `:value`
    ValueReference,
    /// A list index.
    Index,
    /// `= <> < <= > >= ( ) , . [ ] + -`
    Symbol,
}

const SYMBOLS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", "[", "]", "+", "-"];

/// Splits an expression; the error is the offset of the first letter that starts no token.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, usize> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = if first.is_ascii_alphabetic() {
            (TokenKind::Word, word_length(rest))
        } else if first.is_ascii_digit() {
            (TokenKind::Index, rest.bytes().take_while(u8::is_ascii_digit).count())
        } else if matches!(first, '#' | ':') {
            let kind = if first == '#' { TokenKind::NameReference } else { TokenKind::ValueReference };
            match rest.get(1..).map_or(0, word_length) {
                0 => return Err(at),
                length => (kind, length + 1),
            }
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).ok_or(at)?;
            (TokenKind::Symbol, symbol.len())
        };
        let text = rest.get(..length).ok_or(at)?;
        tokens.push(Token { kind, text, at });
        at += length;
    }
    Ok(tokens)
}

fn word_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}
