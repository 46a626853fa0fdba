//! The lines of the document: a value, and behind it where it comes from.

use config::{Value, ValueKind};

use super::super::connection;
use super::super::credentials;
use super::super::error::Place;
use super::super::layers::{self, Layer, entries, get};
use super::super::owned;
use super::super::properties::Property;
use super::super::reading::{Reading, Text};
use super::super::schema::{Key, Kind, SINKS, STEPS};
use super::super::secrets::{self, REDACTED};
use super::super::{origin, topics};
use super::scalar::{line, scalar};

pub(super) struct Lines<'a> {
    reading: &'a Reading<'a>,
    out: String,
}

/// A scalar as it is shown.
struct Shown {
    text: String,
    comment: String,
    /// Whether it is told only, because it would not load.
    is_comment: bool,
}

// === impl Lines ===

impl<'a> Lines<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading, out: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    pub(super) fn comment(&mut self, text: &str) {
        self.line(0, &format!("# {text}"));
    }

    /// All keys, in their order.
    pub(super) fn table(&mut self, keys: &[Key], table: Option<&Value>, depth: usize) {
        for key in keys {
            self.entry(depth, &format!("{}:", key.name), &key.kind, get(table, key.name));
        }
    }

    /// `head` is the name with its colon, behind `- ` for the item of a list.
    fn entry(&mut self, depth: usize, head: &str, kind: &Kind, value: Option<&Value>) {
        // What is below the name in an item stands two further to the right.
        let below = depth + if head.starts_with("- ") { 2 } else { 1 };
        match (kind, value) {
            (Kind::Table(keys), table) => {
                self.line(depth, head);
                self.table(keys, table, below);
            }
            (Kind::Entries(_), None) => self.line(depth, &format!("{head} {{}} # default")),
            (Kind::Steps(_) | Kind::StepsWithin | Kind::Paths | Kind::Hosts, None) => {
                self.line(depth, &format!("{head} [] # default"))
            }
            // The last one stands in files with cases only.
            (_, None) | (Kind::Other(_), _) => self.line(depth, &format!("# {head} (left out)")),
            (Kind::Entries(entry), Some(table)) => self.entries(depth, head, entry, table),
            (Kind::Properties(_), Some(table)) => {
                self.line(depth, head);
                self.properties(below, table);
            }
            (Kind::Short(keys), Some(value)) => {
                let table = layers::long_form(keys, value).map(|table| layers::under(keys, Layer(table)));
                self.line(depth, head);
                self.table(keys, table.as_ref(), below);
            }
            (Kind::Steps(keys), Some(list)) => self.steps((depth, below), head, keys, list),
            (Kind::StepsWithin, Some(list)) => self.steps((depth, below), head, STEPS, list),
            (Kind::List(keys), Some(list)) => self.list((depth, below), head, keys, list),
            (Kind::SinksWithin, Some(list)) => self.list((depth, below), head, SINKS, list),
            (Kind::Assigned, Some(value)) => match get(Some(value), "cel") {
                Some(expression) => {
                    self.line(depth, head);
                    self.template(below, "cel:", expression, false);
                }
                None => self.template(depth, head, value, false),
            },
            (Kind::Topics | Kind::Hosts, Some(list)) => {
                let topics = topics::texts(self.reading, list, head.trim_end_matches(':'));
                self.texts(depth, head, topics);
            }
            (Kind::Paths, Some(list)) => {
                let paths = items(list).iter().filter_map(|item| self.read(head, item)).collect();
                self.texts(depth, head, paths);
            }
            (
                Kind::Template | Kind::TemplateOrNull | Kind::WordOrNull(_) | Kind::Expression | Kind::Schema,
                Some(value),
            ) => self.template(depth, head, value, false),
            (Kind::Text | Kind::Topic | Kind::Path, Some(value)) => self.text(depth, head, value, true),
            (Kind::Secret, Some(value)) => {
                if let Some(text) = self.read(head, value) {
                    self.scalar(depth, head, &Shown { is_comment: true, ..Shown::of(&text, true) });
                }
            }
            // What is a number or one of a few words is no secret.
            (
                Kind::Address | Kind::Number { .. } | Kind::Size | Kind::Choice(_) | Kind::WordOrNumber(_),
                Some(value),
            ) => self.text(depth, head, value, false),
        }
    }

    fn entries(&mut self, depth: usize, head: &str, kind: &Kind, table: &Value) {
        let entries = entries(Some(table));
        if entries.is_empty() {
            return self.line(depth, &format!("{head} {{}} # {}", comment(table)));
        }
        self.line(depth, head);
        for (name, value) in entries {
            let head = format!("{}:", line(name));
            match kind {
                Kind::Template => self.template(depth + 1, &head, value, secrets::is_secret_name(name)),
                kind => self.entry(depth + 1, &head, kind, Some(value)),
            }
        }
    }

    fn steps(&mut self, (depth, below): (usize, usize), head: &str, keys: &[Key], list: &Value) {
        if items(list).is_empty() {
            return self.line(depth, &format!("{head} [] # {}", comment(list)));
        }
        self.line(depth, head);
        for item in items(list) {
            for key in keys.iter().filter(|key| get(Some(item), key.name).is_some()) {
                self.entry(below, &format!("- {}:", key.name), &key.kind, get(Some(item), key.name));
            }
        }
    }

    /// The items of a list: the first of its keys stands behind the dash, and the others below it.
    fn list(&mut self, (depth, below): (usize, usize), head: &str, keys: &[Key], list: &Value) {
        self.line(depth, head);
        for item in items(list) {
            let there = keys.iter().filter(|key| get(Some(item), key.name).is_some());
            for (place, key) in there.enumerate() {
                let (depth, dash) = if place == 0 { (below, "- ") } else { (below + 1, "") };
                self.entry(depth, &format!("{dash}{}:", key.name), &key.kind, get(Some(item), key.name));
            }
        }
    }

    fn texts(&mut self, depth: usize, head: &str, texts: Vec<Text>) {
        if texts.is_empty() {
            return self.line(depth, &format!("{head} []"));
        }
        self.line(depth, head);
        for text in texts {
            let shown = Shown::of(&text, text.is_secret);
            self.scalar(depth + 1, "-", &shown);
        }
    }

    fn properties(&mut self, depth: usize, table: &Value) {
        for (name, value) in entries(Some(table)) {
            let Some(text) = self.read(name, value) else { continue };
            let is_secret = text.is_secret || Property::find(name).is_some_and(Property::is_secret);
            let mut shown = Shown::of(&text, is_secret);
            shown.is_comment = owned::reason(name).is_some()
                || value.origin() == Some(origin::AT_START)
                || (shown.text == REDACTED && !takes_redacted(name));
            self.scalar(depth, &format!("{name}:"), &shown);
        }
    }

    fn text(&mut self, depth: usize, head: &str, value: &Value, may_be_secret: bool) {
        if let Some(text) = self.read(head, value) {
            let shown = Shown::of(&text, may_be_secret && text.is_secret);
            self.scalar(depth, head, &shown);
        }
    }

    /// `${` is literal in it.
    fn template(&mut self, depth: usize, head: &str, value: &Value, is_secret: bool) {
        match &value.kind {
            ValueKind::String(text) => {
                let text = shown(text.trim_end_matches(['\r', '\n']), is_secret);
                self.scalar(depth, head, &Shown { text, comment: comment(value), is_comment: false });
            }
            _ => self.line(depth, &format!("{head} null # {}", comment(value))),
        }
    }

    /// None if a file is gone that was there a moment ago, which is noted.
    fn read(&self, name: &str, value: &Value) -> Option<Text> {
        let origin = value.origin().unwrap_or(origin::DEFAULT).to_owned();
        self.reading.text(value, Place { origin, key: name.trim_matches([':', ' ', '-']).to_owned() })
    }

    fn scalar(&mut self, depth: usize, head: &str, shown: &Shown) {
        let Shown { text, comment, is_comment } = shown;
        if *is_comment {
            return self.line(depth, &format!("# {head} {} # {comment}", line(text)));
        }
        let scalar = scalar(text);
        self.line(depth, &format!("{head} {} # {comment}", scalar.head));
        scalar.below.iter().for_each(|line| self.line(depth + 1, line));
    }

    fn line(&mut self, depth: usize, text: &str) {
        let width = if text.is_empty() { 0 } else { depth * 2 };
        self.out.push_str(&format!("{:width$}{text}\n", ""));
    }
}

// === impl Shown ===

impl Shown {
    fn of(text: &Text, is_secret: bool) -> Self {
        let shown = shown(&text.text, is_secret).replace("${", "$${");
        let from: String = text.from.iter().map(|from| format!(", {from}")).collect();
        let comment = printed(&format!("{}{from}", origin::comment(&text.at.origin)));
        Self { text: shown, comment, is_comment: false }
    }
}

fn shown(text: &str, is_secret: bool) -> String {
    if is_secret || secrets::is_key(text) { REDACTED.to_owned() } else { secrets::without_logins(text) }
}

/// Whether a file with that in it still loads. What is for our own token source may be any text.
fn takes_redacted(property: &str) -> bool {
    let is_oidc = Property::find(property).is_some_and(|found| credentials::is_oidc(found.first_name()));
    is_oidc || connection::is_value(property, REDACTED)
}

fn comment(value: &Value) -> String {
    printed(&origin::comment(value.origin().unwrap_or(origin::DEFAULT)))
}

/// A comment ends where its line does, and a file's name may hold anything.
fn printed(comment: &str) -> String {
    comment.replace(char::is_control, "?")
}

fn items(list: &Value) -> &[Value] {
    match &list.kind {
        ValueKind::Array(items) => items,
        _ => &[],
    }
}
