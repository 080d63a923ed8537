//! Words and braces to statements, by the tables of keywords.
//!
//! A row says how much of what follows belongs to its keyword, so that a statement ends where it is complete, not
//! only where its line ends. A block or a whole file on one line is read like any other.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::keywords;
use super::reference::{KeywordEntry, reference};
use super::rows::{Does, Extent, Head, Item, ItemOption, Keyword, Named, Statement};
use super::spec::Spec;
use super::tokens::{Token, Word};
use crate::diagnostics::Place;
use crate::nearest::nearest;

/// Most words that are no keywords: a configuration has fewer.
const MAX_UNKNOWN: usize = 1000;

/// Walks through the tokens of one configuration.
pub(super) struct Parser<'p> {
    pub(super) findings: &'p mut Findings,
    tokens: &'p [Token],
    at: usize,
    known: Vec<KeywordEntry>,
    unknown: usize,
}

impl<'p> Parser<'p> {
    pub(super) fn new(tokens: &'p [Token], findings: &'p mut Findings) -> Self {
        Self {
            findings,
            tokens,
            at: 0,
            known: reference(),
            unknown: 0,
        }
    }

    /// Everything there is.
    pub(super) fn configuration(&mut self) -> Spec {
        let mut spec = Spec::default();
        self.top(keywords::TOP, &mut spec);
        spec
    }

    fn top<T>(&mut self, table: &[Keyword<T>], target: &mut T) {
        let mut seen = Seen::default();
        while let Some(token) = self.next() {
            match token {
                Token::Word(word) => self.statement(table, target, word, "the top level", &mut seen),
                Token::Open(place) => {
                    self.findings.error(place, "a '{' without a keyword before it");
                    self.skip_block();
                }
                Token::Close(place) => self.findings.warn(place, "a '}' without a '{'; it is ignored"),
                Token::End => seen.last = None,
            }
        }
    }

    /// The inside of a block, up to its brace.
    pub(super) fn block<T>(&mut self, table: &[Keyword<T>], target: &mut T, head: &Head) {
        let mut seen = Seen::default();
        loop {
            match self.peek() {
                None => return self.unclosed(head, "at the end of the configuration"),
                Some(Token::Word(word)) if keywords::is_top_block(&word.text) => {
                    return self.unclosed(head, &format!("before '{}' ({})", word.text, word.place));
                }
                Some(_) => {}
            }
            match self.next() {
                Some(Token::Word(word)) => self.statement(table, target, word, &head.title, &mut seen),
                Some(Token::Open(place)) => {
                    self.findings.error(place, "a '{' without a keyword before it");
                    self.skip_block();
                }
                Some(Token::Close(_)) | None => return,
                Some(Token::End) => seen.last = None,
            }
        }
    }

    fn unclosed(&mut self, head: &Head, found: &str) {
        let why = format!("'{}' is not closed: a '}}' is missing {found}", head.title);
        self.findings.error(&head.place, why);
    }

    fn statement<T>(
        &mut self,
        table: &[Keyword<T>],
        target: &mut T,
        word: &'p Word,
        inside: &str,
        seen: &mut Seen<'p>,
    ) {
        let row = table
            .iter()
            .find(|row| row.name == word.text && word.quote.is_none());
        let Some(row) = row else {
            self.unknown(table, word, inside, seen.last);
            return self.skip_statement(table);
        };
        seen.last = Some(word);
        match row.does {
            Does::Takes(extent, set) => {
                let (least, most) = match extent {
                    Extent::Words(least, most) => (least, most),
                    Extent::Command => {
                        let is_quoted =
                            matches!(self.peek(), Some(Token::Word(word)) if word.quote.is_some());
                        (1, if is_quoted { 1 } else { usize::MAX })
                    }
                };
                let words = self.words(table, least, most);
                if words.len() < least {
                    let why = format!("{} needs {} on its line", row.name, row.args);
                    return self.findings.error(&word.place, why);
                }
                if let Some(before) = { seen.places.insert(row.name, &word.place) }.filter(|_| least > 0) {
                    let what = format!("{} was said before, at {before}; this one counts", row.name);
                    self.findings.warn(&word.place, what);
                }
                let mut statement = Statement {
                    keyword: word,
                    words: &words,
                    findings: self.findings,
                };
                if let Err(why) = set(target, &mut statement) {
                    self.findings.error(&word.place, format!("{}: {why}", row.name));
                }
            }
            Does::Lists(options, set) => {
                let head = self.head(word, Named::No);
                let items = self.items(options, &head);
                set(target, &items, self.findings);
            }
            Does::Opens(named, read) => {
                let head = self.head(word, named);
                read(self, target, &head);
            }
            Does::Moot => self.skip_statement(table),
            Does::Ignored => {
                self.findings
                    .warn(&word.place, format!("{} is ignored: {}", row.name, row.doc));
                self.skip_statement(table);
            }
            Does::Refused => {
                self.findings
                    .error(&word.place, format!("{} is not supported: {}", row.name, row.doc));
                self.skip_statement(table);
            }
        }
    }

    /// Words of this line that belong to a statement: the first `least` whatever they are, then up to `most`, but no
    /// keyword.
    fn words<T>(&mut self, table: &[Keyword<T>], least: usize, most: usize) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            let is_keyword = word.quote.is_none() && table.iter().any(|row| row.name == word.text);
            if words.len() >= most || (words.len() >= least && is_keyword) {
                break;
            }
            words.push(word.clone());
            self.at += 1;
        }
        words
    }

    /// The name of a block and its brace, which may stand on another line. A brace that is missing is an error, and
    /// taken to be there.
    fn head(&mut self, keyword: &Word, named: Named) -> Head {
        let mut head = Head {
            name: String::new(),
            title: keyword.text.clone(),
            place: keyword.place.clone(),
        };
        if named == Named::Yes {
            match self.peek() {
                Some(Token::Word(word)) => {
                    head.title = format!("{} {}", keyword.text, word.text);
                    head.name.clone_from(&word.text);
                    self.at += 1;
                }
                _ => {
                    let why = format!("{} needs a name before its '{{'", keyword.text);
                    self.findings.error(&keyword.place, why);
                }
            }
        }
        if !self.open() {
            let why = format!("a '{{' is missing behind '{}'", head.title);
            self.findings.error(&keyword.place, why);
        }
        head
    }

    /// Takes the brace that opens a block, if it comes next.
    fn open(&mut self) -> bool {
        let ahead = self.tokens.get(self.at..).unwrap_or_default();
        let ends = ahead.iter().take_while(|token| **token == Token::End).count();
        let is_open = matches!(ahead.get(ends), Some(Token::Open(_)));
        if is_open {
            self.at += ends + 1;
        }
        is_open
    }

    /// The items of a list, up to its brace. A word that is an option belongs to the item before it.
    fn items(&mut self, options: &'static [ItemOption], head: &Head) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        // As many as there were when the line began.
        let mut before_line = 0;
        // Where the last item begins.
        let mut last = self.at;
        loop {
            let word = match self.peek() {
                None => {
                    self.unclosed(head, "at the end of the configuration");
                    return items;
                }
                Some(Token::Word(word)) if keywords::is_top_block(&word.text) => {
                    self.unclosed(head, &format!("before '{}' ({})", word.text, word.place));
                    return items;
                }
                Some(Token::Open(place)) => {
                    let Some(keyword) = items.pop() else {
                        self.findings.error(place, "a '{' without a keyword before it");
                        self.at += 1;
                        self.skip_block();
                        continue;
                    };
                    // What was taken for an item is the keyword of another block.
                    let word = keyword.head;
                    self.unclosed(head, &format!("before '{}' ({})", word.text, word.place));
                    self.at = last;
                    return items;
                }
                Some(Token::Close(_)) => {
                    self.at += 1;
                    return items;
                }
                Some(Token::End) => {
                    self.at += 1;
                    before_line = items.len();
                    continue;
                }
                Some(Token::Word(word)) => word,
            };
            let at = self.at;
            self.at += 1;
            let option = options.iter().find(|option| option.name == word.text);
            let (Some(option), Some(item)) = (option, items.last_mut()) else {
                last = at;
                items.push(Item {
                    head: word.clone(),
                    options: Vec::new(),
                    is_behind: items.len() > before_line,
                });
                continue;
            };
            let value = match self.tokens.get(self.at) {
                Some(Token::Word(value)) if option.has_value => {
                    self.at += 1;
                    Some(value.clone())
                }
                _ => None,
            };
            if option.has_value && value.is_none() {
                let why = format!("{}: '{}' needs a value behind it", item.head.text, option.name);
                self.findings.error(&word.place, why);
                continue;
            }
            item.options.push((option.name, value));
        }
    }

    /// Says that a word is no keyword here: an error where keepalived, which only logs it, would go on without
    /// authentication, a check or an address.
    fn unknown<T>(&mut self, table: &[Keyword<T>], word: &Word, inside: &str, last: Option<&Word>) {
        self.unknown += 1;
        if self.unknown > MAX_UNKNOWN {
            let why = "too many words that are no keywords; is this a keepalived configuration?";
            self.findings.error(&word.place, why);
            self.at = self.tokens.len();
            return;
        }
        let text = word.text.as_str();
        let behind = last.map_or_else(String::new, |last| format!(" behind '{}'", last.text));
        let known = &self.known;
        let elsewhere = known.iter().find(|row| row.name == text && word.quote.is_none());
        let near = nearest(text, table.iter().map(|row| row.name)).or_else(|| {
            let guards = known.iter().filter(|row| row.is_guard);
            nearest(text, guards.map(|row| row.name))
        });
        let (is_guard, hint) = match (elsewhere, near) {
            (Some(row), _) => (row.is_guard, format!("; it belongs into {}", row.block)),
            (None, Some(near)) => {
                let is_guard = known.iter().any(|row| row.name == near && row.is_guard);
                (is_guard, format!("; did you mean '{near}'?"))
            }
            (None, None) => (false, "; it is ignored".to_owned()),
        };
        let what = format!("'{text}'{behind} is not a keyword of {inside}{hint}");
        if is_guard {
            self.findings.error(&word.place, what);
        } else {
            self.findings.warn(&word.place, what);
        }
    }

    /// Goes on behind what belongs to a keyword that means nothing: words up to the next keyword or the end of the
    /// line, or a block.
    fn skip_statement<T>(&mut self, table: &[Keyword<T>]) {
        self.words(table, 0, usize::MAX);
        if self.open() {
            self.skip_block();
        }
    }

    /// Goes on behind the brace that closes the block at hand.
    fn skip_block(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next() {
                Some(Token::Open(_)) => depth += 1,
                Some(Token::Close(_)) => depth -= 1,
                Some(Token::Word(_) | Token::End) => {}
                None => return,
            }
        }
    }

    fn peek(&self) -> Option<&'p Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'p Token> {
        let token = self.peek();
        self.at += 1;
        token
    }
}

/// What was said in a block before.
#[derive(Default)]
struct Seen<'p> {
    places: BTreeMap<&'static str, &'p Place>,
    /// The last keyword of this line.
    last: Option<&'p Word>,
}
