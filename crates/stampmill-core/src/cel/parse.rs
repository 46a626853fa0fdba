//! Reads an expression into a tree, by precedence (CEL's language definition, "Syntax").
//!
//! The grammar is small and fixed. The parser of the `cel` crate reads a decimal into 64 bits and brings ANTLR and ten
//! more crates; the tests hold this one against it.

use super::ast::{Ast, Kind, MAX_DEPTH, Operator, ast, too_deep};
use super::error::{Mistake, Place};
use super::tokens::{Token, tokens};

/// No name may be one of these (CEL's language definition, "RESERVED").
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

struct Parser {
    tokens: Vec<(Token, Place)>,
    at: usize,
    nesting: usize,
}

pub(super) fn parse(source: &str) -> Result<Ast, Mistake> {
    let mut parser = Parser { tokens: tokens(source)?, at: 0, nesting: 0 };
    if parser.peek() == &Token::End {
        return Err(parser.place().mistake("expected an expression such as `payload.amount > 100`, and found nothing"));
    }
    let ast = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(ast),
        Token::Name(name) if matches!(name.as_str(), "and" | "or" | "not") => {
            let symbol = [("and", "&&"), ("or", "||"), ("not", "!")].iter().find(|(word, _)| word == name);
            let symbol = symbol.map_or("", |(_, symbol)| symbol);
            Err(parser.place().mistake(format!("there is no `{name}`: write `{symbol}`")))
        }
        _ => Err(parser.expected("an operator or the end")),
    }
}

// === impl Parser ===

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn place(&self) -> Place {
        self.tokens[self.at].1
    }

    /// The last token stays.
    fn next(&mut self) -> (Token, Place) {
        let next = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        next
    }

    fn take(&mut self, symbol: &'static str) -> Option<Place> {
        (*self.peek() == Token::Symbol(symbol)).then(|| self.next().1)
    }

    fn expect(&mut self, symbol: &'static str) -> Result<Place, Mistake> {
        self.take(symbol).ok_or_else(|| self.expected(&format!("`{symbol}`")))
    }

    fn expected(&self, what: &str) -> Mistake {
        let found = match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Quoted(name) => format!("`` `{name}` ``"),
            Token::Int(_) | Token::Uint(_) | Token::Decimal(_) | Token::LeastInt => "a number".into(),
            Token::Text(_) => "a string".into(),
            Token::Bytes(_) => "bytes".into(),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::End => "the end".into(),
        };
        self.place().mistake(format!("expected {what}, and found {found}"))
    }

    fn expression(&mut self) -> Result<Ast, Mistake> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(too_deep(self.place()));
        }
        let condition = self.or()?;
        let expression = match self.take("?") {
            None => condition,
            Some(_) => {
                let then = self.or()?;
                self.expect(":")?;
                let otherwise = self.expression()?;
                let place = condition.place.to(otherwise.place);
                ast(place, Kind::If(Box::new([condition, then, otherwise])))?
            }
        };
        self.nesting -= 1;
        Ok(expression)
    }

    fn or(&mut self) -> Result<Ast, Mistake> {
        self.logic("||", Self::and, Kind::Or)
    }

    fn and(&mut self) -> Result<Ast, Mistake> {
        self.logic("&&", Self::relation, Kind::And)
    }

    fn logic(
        &mut self,
        symbol: &'static str,
        operand: fn(&mut Self) -> Result<Ast, Mistake>,
        kind: fn(Vec<Ast>) -> Kind,
    ) -> Result<Ast, Mistake> {
        let first = operand(self)?;
        let mut operands = vec![first];
        while self.take(symbol).is_some() {
            operands.push(operand(self)?);
        }
        if operands.len() == 1
            && let Some(only) = operands.pop()
        {
            return Ok(only);
        }
        let place = operands[0].place.to(operands[operands.len() - 1].place);
        ast(place, kind(operands))
    }

    fn relation(&mut self) -> Result<Ast, Mistake> {
        self.binary(Self::sum, |token| {
            Some(match token {
                Token::Symbol("<") => Operator::Less,
                Token::Symbol("<=") => Operator::LessOrEqual,
                Token::Symbol(">") => Operator::Greater,
                Token::Symbol(">=") => Operator::GreaterOrEqual,
                Token::Symbol("==") => Operator::Equal,
                Token::Symbol("!=") => Operator::NotEqual,
                Token::Name(name) if name == "in" => Operator::In,
                _ => return None,
            })
        })
    }

    fn sum(&mut self) -> Result<Ast, Mistake> {
        self.binary(Self::product, |token| match token {
            Token::Symbol("+") => Some(Operator::Add),
            Token::Symbol("-") => Some(Operator::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Ast, Mistake> {
        self.binary(Self::unary, |token| match token {
            Token::Symbol("*") => Some(Operator::Multiply),
            Token::Symbol("/") => Some(Operator::Divide),
            Token::Symbol("%") => Some(Operator::Remainder),
            _ => None,
        })
    }

    /// Operators of one precedence bind from the left.
    fn binary(
        &mut self,
        operand: fn(&mut Self) -> Result<Ast, Mistake>,
        operator: fn(&Token) -> Option<Operator>,
    ) -> Result<Ast, Mistake> {
        let mut left = operand(self)?;
        while let Some(operator) = operator(self.peek()) {
            self.next();
            let right = operand(self)?;
            let place = left.place.to(right.place);
            left = ast(place, Kind::Binary { operator, sides: Box::new([left, right]) })?;
        }
        Ok(left)
    }

    /// One or several of `!`, or of `-`; not both.
    fn unary(&mut self) -> Result<Ast, Mistake> {
        let start = self.at;
        let symbol = match self.peek() {
            Token::Symbol(symbol @ ("!" | "-")) => *symbol,
            _ => return self.member(),
        };
        let mut places = Vec::new();
        while let Some(place) = self.take(symbol) {
            places.push(place);
        }
        // The sign before a number belongs to it.
        if symbol == "-" && matches!(self.peek(), Token::Int(_) | Token::Decimal(_) | Token::LeastInt) {
            places.pop();
            self.at = start + places.len();
        }
        let mut operand = self.member()?;
        for place in places.into_iter().rev() {
            let kind = if symbol == "!" { Kind::Not } else { Kind::Negate };
            operand = ast(place.to(operand.place), kind(Box::new(operand)))?;
        }
        Ok(operand)
    }

    fn member(&mut self) -> Result<Ast, Mistake> {
        let mut member = self.primary()?;
        loop {
            if self.take(".").is_some() {
                member = self.field(member)?;
            } else if let Some(open) = self.take("[") {
                if self.take("?").is_some() {
                    return Err(optional(open));
                }
                let index = self.expression()?;
                let place = member.place.to(self.expect("]")?);
                member = ast(place, Kind::Index { of: Box::new(member), index: Box::new(index) })?;
            } else if let Some(brace) = self.take("{") {
                return Err(brace.mistake("messages are not supported: a map is written `{\"key\": value}`"));
            } else {
                return Ok(member);
            }
        }
    }

    fn field(&mut self, of: Ast) -> Result<Ast, Mistake> {
        if let Some(place) = self.take("?") {
            return Err(optional(place));
        }
        let (token, name_place) = self.next();
        let field = match &token {
            Token::Name(name) if !is_keyword(name) => name.clone(),
            Token::Quoted(name) => {
                let place = of.place.to(name_place);
                return ast(place, Kind::Select { of: Box::new(of), field: name.clone() });
            }
            _ => {
                self.at = self.at.saturating_sub(usize::from(token != Token::End));
                return Err(self.expected("a field's name after `.`"));
            }
        };
        if self.take("(").is_none() {
            let place = of.place.to(name_place);
            return ast(place, Kind::Select { of: Box::new(of), field });
        }
        let start = of.place;
        let (arguments, end) = self.arguments(")")?;
        ast(start.to(end), Kind::Call { receiver: Some(Box::new(of)), name: field, name_place, arguments })
    }

    fn primary(&mut self) -> Result<Ast, Mistake> {
        let (token, place) = self.next();
        match token {
            Token::Symbol("-") => self.negative(place),
            Token::Symbol("(") => {
                let inner = self.expression()?;
                let end = self.expect(")")?;
                Ok(Ast { place: place.to(end), ..inner })
            }
            Token::Symbol("[") => {
                let (elements, end) = self.arguments("]")?;
                ast(place.to(end), Kind::List(elements))
            }
            Token::Symbol("{") => self.map(place),
            // `.payload` is `payload`, looked up outside of all macros: nothing there has another meaning here.
            Token::Symbol(".") if matches!(self.peek(), Token::Name(name) if !is_keyword(name)) => self.primary(),
            Token::Name(name) => self.name(name, place),
            Token::LeastInt => {
                Err(place.mistake("a whole number has 64 bits: write `9223372036854775808.0`, which is a decimal"))
            }
            Token::Int(_) | Token::Uint(_) | Token::Decimal(_) | Token::Text(_) | Token::Bytes(_) => {
                ast(place, Kind::Literal(token))
            }
            _ => {
                self.at = self.at.saturating_sub(usize::from(token != Token::End));
                Err(self.expected("a value"))
            }
        }
    }

    /// A number with its sign.
    fn negative(&mut self, sign: Place) -> Result<Ast, Mistake> {
        let (token, place) = self.next();
        let negative = match token {
            Token::Int(whole) => Token::Int(-whole),
            Token::LeastInt => Token::Int(i64::MIN),
            Token::Decimal(text) => Token::Decimal(format!("-{text}")),
            _ => return Err(place.mistake("expected a number after `-`")),
        };
        ast(sign.to(place), Kind::Literal(negative))
    }

    fn name(&mut self, name: String, place: Place) -> Result<Ast, Mistake> {
        if matches!(name.as_str(), "true" | "false" | "null") {
            return ast(place, Kind::Literal(Token::Name(name)));
        }
        if is_keyword(&name) || RESERVED.contains(&name.as_str()) {
            return Err(place.mistake(format!("expected a value, and found the word `{name}`")));
        }
        if self.take("(").is_none() {
            return ast(place, Kind::Name(name));
        }
        let (arguments, end) = self.arguments(")")?;
        ast(place.to(end), Kind::Call { receiver: None, name, name_place: place, arguments })
    }

    /// Values between commas up to what closes them; a list may end with a comma, and be nothing but one.
    fn arguments(&mut self, close: &'static str) -> Result<(Vec<Ast>, Place), Mistake> {
        let mut arguments = Vec::new();
        if close == "]" && self.take(",").is_some() {
            return Ok((arguments, self.expect(close)?));
        }
        loop {
            if (arguments.is_empty() || close == "]")
                && let Some(end) = self.take(close)
            {
                return Ok((arguments, end));
            }
            if let (Token::Symbol("?"), "]") = (self.peek(), close) {
                return Err(optional(self.place()));
            }
            arguments.push(self.expression()?);
            if let Some(end) = self.take(close) {
                return Ok((arguments, end));
            }
            if self.take(",").is_none() {
                return Err(self.expected(&format!("`,` or `{close}`")));
            }
        }
    }

    fn map(&mut self, open: Place) -> Result<Ast, Mistake> {
        let mut entries = Vec::new();
        if self.take(",").is_some() {
            return ast(open.to(self.expect("}")?), Kind::Map(entries));
        }
        loop {
            if let Some(end) = self.take("}") {
                return ast(open.to(end), Kind::Map(entries));
            }
            if *self.peek() == Token::Symbol("?") {
                return Err(optional(self.place()));
            }
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if self.take(",").is_none() && *self.peek() != Token::Symbol("}") {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }
}

fn is_keyword(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in")
}

fn optional(place: Place) -> Mistake {
    place.mistake("optional fields and elements (`?`) are not supported: ask with `has(…)` first")
}

#[cfg(test)]
mod tests;
