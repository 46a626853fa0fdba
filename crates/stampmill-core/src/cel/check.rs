//! Resolves the names of an expression, and refuses what no record could make right.

use super::Options;
use super::ast::{Ast, Kind, Operator};
use super::error::{Mistake, Place};
use super::eval::{closed, constant};
use super::names;
use super::number::Number;
use super::tokens::Token;
use super::tree::{Node, Operation, Part, Path, Step};
use super::value::{Kinds, Value};
use crate::input::Which;
use crate::template::{PayloadFormat, unknown_variable};

pub(super) struct Checker<'a> {
    pub(super) source: &'a str,
    options: &'a Options,
    /// The variables of the macros around.
    pub(super) locals: Vec<String>,
    /// What is read of the documents.
    pub(super) paths: Vec<Path>,
    /// Whether a part of the record is read that is in no document.
    pub(super) reads_record: bool,
}

pub(super) type Checked = Result<Node, Mistake>;

/// What has an order.
const ORDERED: Kinds =
    Kinds::NUMBER.or(Kinds::TEXT).or(Kinds::BYTES).or(Kinds::BOOL).or(Kinds::TIMESTAMP).or(Kinds::DURATION);

// === impl Checker ===

impl<'a> Checker<'a> {
    pub(super) fn new(source: &'a str, options: &'a Options) -> Self {
        Self { source, options, locals: Vec::new(), paths: Vec::new(), reads_record: false }
    }

    /// What reads nothing of a record has its value, or none, now.
    pub(super) fn root(&mut self, ast: &Ast) -> Checked {
        let node = self.node(ast)?;
        if self.reads_record || !self.paths.is_empty() {
            return Ok(node);
        }
        let value = closed(&node, self.source);
        let value = value.map_err(|failure| failure.place.mistake(failure.message(self.source)))?;
        Ok(Node { operation: Operation::Constant(value), ..node })
    }

    pub(super) fn node(&mut self, ast: &Ast) -> Checked {
        let node = self.unfolded(ast)?;
        Ok(self.folded(node))
    }

    /// A part of constants alone is worked out now. What fails may stand where it is never asked for.
    fn folded(&self, node: Node) -> Node {
        match constant(&node, self.source) {
            Some(Ok(value)) => Node { operation: Operation::Constant(value), ..node },
            _ => node,
        }
    }

    fn unfolded(&mut self, ast: &Ast) -> Checked {
        let place = ast.place;
        match &ast.kind {
            Kind::Literal(literal) => Ok(literal_node(place, literal)),
            Kind::Name(_) | Kind::Select { .. } | Kind::Index { .. } => self.read(ast),
            Kind::Call { receiver, name, name_place, arguments } => {
                self.call(place, receiver.as_deref(), (name, *name_place), arguments)
            }
            Kind::Not(operand) => {
                let operand = self.bool(operand, "!")?;
                Ok(node(place, Operation::Not(operand.into()), Kinds::BOOL))
            }
            Kind::Negate(operand) => {
                let operand = self.node(operand)?;
                self.takes(&operand, Kinds::NUMBER, "-")?;
                let gives = operand.gives.and(Kinds::NUMBER);
                Ok(node(place, Operation::Negate(operand.into()), gives))
            }
            Kind::And(operands) => Ok(node(place, Operation::And(self.bools(operands, "&&")?), Kinds::BOOL)),
            Kind::Or(operands) => Ok(node(place, Operation::Or(self.bools(operands, "||")?), Kinds::BOOL)),
            Kind::If(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let condition = self.bool(condition, "?")?;
                let (then, otherwise) = (self.node(then)?, self.node(otherwise)?);
                let gives = then.gives | otherwise.gives;
                Ok(node(place, Operation::If(Box::new([condition, then, otherwise])), gives))
            }
            Kind::Binary { operator, sides } => self.binary(place, *operator, sides),
            Kind::List(elements) => {
                let elements = elements.iter().map(|element| self.node(element)).collect::<Result<_, _>>()?;
                Ok(node(place, Operation::List(elements), Kinds::LIST))
            }
            Kind::Map(entries) => self.map(place, entries),
        }
    }

    pub(super) fn bool(&mut self, ast: &Ast, operator: &str) -> Checked {
        let operand = self.node(ast)?;
        self.takes(&operand, Kinds::BOOL, operator)?;
        Ok(operand)
    }

    fn bools(&mut self, operands: &[Ast], operator: &str) -> Result<Box<[Node]>, Mistake> {
        operands.iter().map(|operand| self.bool(operand, operator)).collect()
    }

    pub(super) fn takes(&self, node: &Node, kinds: Kinds, what: &str) -> Result<(), Mistake> {
        if node.gives.meets(kinds) {
            return Ok(());
        }
        let text = node.place.text(self.source);
        Err(node.place.mistake(format!("`{what}` takes {kinds}, and `{text}` is {}", node.gives)))
    }

    fn binary(&mut self, place: Place, operator: Operator, sides: &[Ast; 2]) -> Checked {
        // `"x" in headers` needs no map of all of them.
        if let (Operator::In, [Ast { kind: Kind::Literal(Token::Text(name)), .. }, map]) = (operator, sides)
            && self.is_root(map, "headers")
        {
            self.reads_record = true;
            return Ok(node(place, Operation::HasHeader(name.as_str().into()), Kinds::BOOL));
        }
        let sides = Box::new([self.node(&sides[0])?, self.node(&sides[1])?]);
        let [left, right] = [sides[0].gives, sides[1].gives];
        let symbol = operator.symbol();
        let common = left.with_all_numbers().and(right.with_all_numbers());
        let operation = match operator {
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                if !common.meets(ORDERED) {
                    return Err(place.mistake(format!("`{symbol}` does not compare {left} with {right}")));
                }
                Operation::Compare { operator, sides }
            }
            Operator::Equal | Operator::NotEqual => {
                if common.is_none() {
                    let message = format!("`{symbol}` of {left} and {right} is the same for every record");
                    return Err(place.mistake(message));
                }
                Operation::Equal { negated: operator == Operator::NotEqual, sides }
            }
            Operator::In => {
                self.takes(&sides[1], Kinds::LIST | Kinds::MAP, "in")?;
                Operation::In(sides)
            }
            _ => {
                let gives = operator.gives(left, right);
                if gives.is_none() {
                    let hint = match (operator, left.meets(Kinds::TEXT) || right.meets(Kinds::TEXT)) {
                        (Operator::Add, true) => ": `string(…)` makes text of a value",
                        _ => "",
                    };
                    return Err(place.mistake(format!("`{symbol}` does not take {left} and {right}{hint}")));
                }
                return Ok(node(place, Operation::Arithmetic { operator, sides }, gives));
            }
        };
        Ok(node(place, operation, Kinds::BOOL))
    }

    fn map(&mut self, place: Place, entries: &[(Ast, Ast)]) -> Checked {
        let mut checked = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.node(key)?;
            self.takes(&key, Kinds::TEXT | Kinds::INT | Kinds::BOOL, "a key of a map")?;
            checked.push((key, self.node(value)?));
        }
        Ok(node(place, Operation::Map(checked.into()), Kinds::MAP))
    }

    /// A name, and what follows it behind points and in brackets.
    fn read(&mut self, ast: &Ast) -> Checked {
        let place = ast.place;
        if let Some(path) = self.path(ast)? {
            let gives = if path.steps.is_empty() && path.which == Which::Vars { Kinds::MAP } else { Kinds::JSON };
            self.paths.push(path);
            return Ok(node(place, Operation::Path(self.paths.len() - 1), gives));
        }
        match &ast.kind {
            Kind::Name(name) => self.name(place, name),
            Kind::Select { of, field } if self.is_root(of, "headers") => Ok(self.header(place, field)),
            Kind::Select { of, field } => {
                let of = self.node(of)?;
                self.has_fields(&of, place, field)?;
                Ok(node(place, Operation::Select { of: of.into(), field: field.as_str().into() }, Kinds::ANY))
            }
            Kind::Index { of, index } => match &index.kind {
                Kind::Literal(Token::Text(name)) if self.is_root(of, "headers") => Ok(self.header(place, name)),
                _ => {
                    let sides = Box::new([self.node(of)?, self.node(index)?]);
                    if !sides[0].gives.meets(Kinds::LIST | Kinds::MAP) {
                        let text = sides[0].place.text(self.source);
                        let message = format!("`{text}` is {}, and only lists and maps have `[…]`", sides[0].gives);
                        return Err(place.mistake(message));
                    }
                    self.takes(&sides[1], Kinds::TEXT | Kinds::INT | Kinds::BOOL, "[…]")?;
                    if let Some(Value::Number(Number::Int(..0))) = sides[1].constant() {
                        return Err(sides[1].place.mistake("the elements of a list count from 0, and none is before"));
                    }
                    Ok(node(place, Operation::Index(sides), Kinds::ANY))
                }
            },
            _ => Err(place.mistake("expected a value")),
        }
    }

    pub(super) fn has_fields(&self, of: &Node, place: Place, field: &str) -> Result<(), Mistake> {
        if of.gives.meets(Kinds::MAP) {
            return Ok(());
        }
        let text = of.place.text(self.source);
        Err(place.mistake(format!("`{text}` is {}, which has no fields: there is no `{text}.{field}`", of.gives)))
    }

    fn header(&mut self, place: Place, name: &str) -> Node {
        self.reads_record = true;
        node(place, Operation::Header(name.into()), Kinds::TEXT | Kinds::BYTES | Kinds::NULL)
    }

    pub(super) fn is_root(&self, ast: &Ast, root: &str) -> bool {
        matches!(&ast.kind, Kind::Name(name) if name == root && !self.locals.contains(name))
    }

    fn name(&mut self, place: Place, name: &str) -> Checked {
        if let Some(local) = self.locals.iter().rposition(|local| local == name) {
            return Ok(node(place, Operation::Local(local), Kinds::ANY));
        }
        let text_or_bytes = Kinds::TEXT | Kinds::BYTES | Kinds::NULL;
        let (part, gives) = match name {
            "payload" if self.options.payload == PayloadFormat::Text => (Part::PayloadText, Kinds::TEXT | Kinds::NULL),
            "payload" => (Part::PayloadBytes, Kinds::BYTES | Kinds::NULL),
            "key" => (Part::Key, text_or_bytes),
            "headers" => (Part::Headers, Kinds::MAP),
            "topic" => (Part::Topic, Kinds::TEXT),
            "partition" => (Part::Partition, Kinds::INT),
            "offset" => (Part::Offset, Kinds::INT),
            "timestamp" => (Part::Timestamp, Kinds::TIMESTAMP | Kinds::NULL),
            _ => match Kinds::type_named(name) {
                Some(name) => return Ok(node(place, Operation::Constant(Value::Type(name)), Kinds::TYPE)),
                None => return Err(place.mistake(names::unknown_root(name, &self.locals))),
            },
        };
        self.reads_record = true;
        Ok(node(place, Operation::Part(part), gives))
    }

    /// A place in a document that is known before there is a record.
    pub(super) fn path(&self, ast: &Ast) -> Result<Option<Path>, Mistake> {
        let path = match &ast.kind {
            Kind::Name(_) if self.is_root(ast, "payload") && self.options.payload == PayloadFormat::Json => {
                Some(Path { which: Which::Payload, root: ast.place, steps: Vec::new() })
            }
            Kind::Name(_) if self.is_root(ast, "vars") => {
                Some(Path { which: Which::Vars, root: ast.place, steps: Vec::new() })
            }
            Kind::Select { of, field } => self.path(of)?.map(|path| extended(path, field.clone(), false, ast.place)),
            Kind::Index { of, index } => match (&index.kind, self.path(of)?) {
                (Kind::Literal(Token::Text(key)), Some(path)) => Some(extended(path, key.clone(), false, ast.place)),
                // What is before the first element is refused where all indexes are.
                (Kind::Literal(Token::Int(at @ 0..)), Some(path)) => {
                    Some(extended(path, at.to_string(), true, ast.place))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(Path { which: Which::Vars, steps, .. }) = &path
            && let [first] = steps.as_slice()
            && !self.options.vars.contains(&first.key)
        {
            return Err(first.place.mistake(unknown_variable(&first.key, &self.options.vars)));
        }
        Ok(path)
    }
}

pub(super) fn node(place: Place, operation: Operation, gives: Kinds) -> Node {
    Node { place, operation, gives }
}

fn extended(mut path: Path, key: String, is_place: bool, place: Place) -> Path {
    path.steps.push(Step { key, is_place, place });
    path
}

fn literal_node(place: Place, literal: &Token) -> Node {
    let value = match literal {
        Token::Int(whole) => Value::int(*whole),
        // A whole number is one with and without its sign; only what 63 bits do not hold is a decimal.
        Token::Uint(whole) => Value::Number(match i64::try_from(*whole) {
            Ok(whole) => Number::Int(whole),
            Err(_) => Number::Long(whole.to_string().into()),
        }),
        Token::Decimal(text) => Value::Number(Number::parse(text.as_bytes()).into_owned()),
        Token::Text(text) => Value::Text(text.clone().into()),
        Token::Bytes(bytes) => Value::Bytes(bytes.clone().into()),
        Token::Name(name) if name == "true" => Value::Bool(true),
        Token::Name(name) if name == "false" => Value::Bool(false),
        _ => Value::Null,
    };
    let gives = value.kind();
    node(place, Operation::Constant(value), gives)
}
