//! Types as a tree, and the tree as text: laid out as prettier does it, because people compare and commit the file.

/// Columns after which a type goes onto several lines.
const WIDTH: usize = 80;

/// A piece of a type, or of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Word(String),
    /// Members of an object type.
    Object(Vec<Member>),
    /// As `Object`, on several lines even where it would fit on one.
    Block(Vec<Member>),
    /// Members of an object value.
    Value(Vec<Member>),
    Array(Box<Node>),
    Tuple(Vec<Node>),
    Union(Vec<Node>),
    Both(Box<Node>, Box<Node>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// As it is written, with quotes and `?` where they belong.
    key: String,
    value: Node,
}

impl Node {
    pub fn word(text: impl Into<String>) -> Node {
        Node::Word(text.into())
    }

    pub fn literal(text: &str) -> Node {
        Node::Word(quoted(text))
    }

    /// `unknown` includes null already.
    pub fn or_null(self, nullable: bool) -> Node {
        match self {
            Node::Word(word) if word == "unknown" => Node::Word(word),
            node if !nullable => node,
            Node::Union(mut parts) => {
                parts.push(Node::word("null"));
                Node::Union(parts)
            }
            node => Node::Union(vec![node, Node::word("null")]),
        }
    }

    pub fn array_of(self) -> Node {
        Node::Array(Box::new(self))
    }
}

pub(super) fn member(name: &str, value: Node) -> Member {
    Member { key: key(name), value }
}

pub(super) fn optional(name: &str, value: Node) -> Member {
    Member { key: format!("{}?", key(name)), value }
}

/// What an object without members is: an index that nothing satisfies.
pub(super) fn block_or_never(members: Vec<Member>) -> Node {
    match members.is_empty() {
        true => Node::Block(vec![Member { key: "[_ in never]".to_owned(), value: Node::word("never") }]),
        false => Node::Block(members),
    }
}

/// A name as a key: quoted only where it must be.
pub(super) fn key(name: &str) -> String {
    let mut characters = name.chars();
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    let is_plain =
        characters.next().is_some_and(is_start) && characters.all(|c| is_start(c) || c.is_ascii_digit());
    if is_plain { name.to_owned() } else { quoted(name) }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text of a node that begins `used` columns into a line whose indentation is `indent`.
pub(super) fn render(node: &Node, indent: usize, used: usize) -> String {
    if let Some(flat) = flat(node).filter(|flat| used + flat.chars().count() <= WIDTH) {
        return flat;
    }
    let margin = " ".repeat(indent);
    match node {
        Node::Word(word) => word.clone(),
        Node::Object(members) | Node::Block(members) => block(members, indent, ""),
        Node::Value(members) => block(members, indent, ","),
        Node::Array(element) if matches!(**element, Node::Union(_)) => {
            format!("({}\n{margin})[]", render(element, indent, WIDTH))
        }
        Node::Array(element) => format!("{}[]", render(element, indent, used + 2)),
        Node::Tuple(elements) => {
            let mut out = "[\n".to_owned();
            for element in elements {
                out.push_str(&format!("{margin}  {},\n", render(element, indent + 2, indent + 3)));
            }
            out.push_str(&margin);
            out.push(']');
            out
        }
        // An object or null keeps its braces on the line.
        Node::Union(parts) if is_object_or_null(parts) => {
            let words: Vec<String> = parts.iter().map(|part| render(part, indent, used)).collect();
            words.join(" | ")
        }
        Node::Union(parts) => {
            let lines =
                parts.iter().map(|part| format!("\n{margin}  | {}", render(part, indent + 4, indent + 4)));
            lines.collect()
        }
        Node::Both(left, right) => {
            format!("{} & {}", render(left, indent, WIDTH), render(right, indent, used))
        }
    }
}

fn is_object_or_null(parts: &[Node]) -> bool {
    matches!(parts, [Node::Object(_) | Node::Block(_), Node::Word(word)] if word == "null")
}

fn block(members: &[Member], indent: usize, separator: &str) -> String {
    let margin = " ".repeat(indent);
    let mut out = "{\n".to_owned();
    for member in members {
        let start = format!("{margin}  {}:", member.key);
        let value = render(&member.value, indent + 2, start.chars().count() + 1 + separator.len());
        let space = if value.starts_with('\n') { "" } else { " " };
        out.push_str(&format!("{start}{space}{value}{separator}\n"));
    }
    out.push_str(&margin);
    out.push('}');
    out
}

/// The node on one line, where it may be on one.
fn flat(node: &Node) -> Option<String> {
    let all = |nodes: &[Node]| nodes.iter().map(flat).collect::<Option<Vec<String>>>();
    let fields = |members: &[Member]| {
        let one = |member: &Member| Some(format!("{}: {}", member.key, flat(&member.value)?));
        members.iter().map(one).collect::<Option<Vec<String>>>()
    };
    Some(match node {
        Node::Word(word) => word.clone(),
        Node::Object(members) => format!("{{ {} }}", fields(members)?.join("; ")),
        Node::Value(members) | Node::Block(members) if members.is_empty() => "{}".to_owned(),
        Node::Value(_) | Node::Block(_) => return None,
        Node::Array(element) if matches!(**element, Node::Union(_)) => format!("({})[]", flat(element)?),
        Node::Array(element) => format!("{}[]", flat(element)?),
        Node::Tuple(elements) => format!("[{}]", all(elements)?.join(", ")),
        Node::Union(parts) => all(parts)?.join(" | "),
        Node::Both(left, right) => format!("{} & {}", flat(left)?, flat(right)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_goes_onto_lines() {
        let long = Node::Union(vec![Node::literal(&"a".repeat(50)), Node::literal(&"b".repeat(50))]);
        let text = render(&Node::Block(vec![member("x-y", long), optional("z", Node::word("number"))]), 0, 0);
        let (a, b) = ("a".repeat(50), "b".repeat(50));
        assert_eq!(text, format!("{{\n  \"x-y\":\n    | \"{a}\"\n    | \"{b}\"\n  z?: number\n}}"));
    }

    #[test]
    fn what_is_short_stays_on_its_line() {
        let union = Node::Union(vec![Node::literal("a"), Node::literal("b")]).or_null(true).array_of();
        assert_eq!(render(&union, 0, 0), r#"("a" | "b" | null)[]"#);
        assert_eq!(render(&Node::Object(vec![member("a", Node::word("string"))]), 0, 0), "{ a: string }");
        assert_eq!(Node::word("unknown").or_null(true), Node::word("unknown"));
    }
}
