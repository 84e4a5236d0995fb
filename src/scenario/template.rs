//! Texts with variables: `/p/${link}/result`.

use std::fmt;

/// A text with variables. `$${` stands for a literal `${`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// A `${` that is not closed, or a name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `${` without its `}`.
    #[error("\"${{\" at byte {0} is not closed")]
    Open(usize),
    /// What stands between the braces is no name of letters, digits, `_`, `-` and `.`.
    #[error("{0:?} is no variable name (letters, digits, \"_\", \"-\", \".\")")]
    Name(String),
}

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// A brace that is not closed, or a name that is none.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                literal.push_str(&rest[..start - 1]);
                literal.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            literal.push_str(&rest[..start]);
            let end =
                rest[start..].find('}').ok_or(TemplateError::Open(text.len() - rest.len() + start))? + start;
            let name = &rest[start + 2..end];
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if name.is_empty() || !name.chars().all(legal) {
                return Err(TemplateError::Name(name.to_owned()));
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The names of its variables, in order, repeats included.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Appends the text to `out`, each variable replaced by what `value` appends for it.
    ///
    /// # Errors
    /// The name of the first variable for which `value` returns false: it has no value.
    pub fn render<'a>(
        &'a self,
        out: &mut String,
        mut value: impl FnMut(&str, &mut String) -> bool,
    ) -> Result<(), &'a str> {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(name) => {
                    if !value(name, out) {
                        return Err(name);
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace("${", "$${"))?,
                Part::Variable(name) => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        let mut out = String::new();
        let known = |name: &str, out: &mut String| {
            out.push_str("<link>");
            name == "link"
        };
        template.render(&mut out, known).map_err(|name| format!("no {name}"))?;
        Ok(out)
    }

    #[test]
    fn variables_are_replaced_and_the_rest_is_kept() {
        assert_eq!(render("/p/${link}/result?a={b}").unwrap(), "/p/<link>/result?a={b}");
        assert_eq!(render("cost: 5$ $${link}").unwrap(), "cost: 5$ ${link}");
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        assert_eq!(render("${token}").unwrap_err(), "no token");
    }

    #[test]
    fn braces_must_close_around_a_name() {
        assert!(Template::parse("a ${b").is_err());
        assert!(Template::parse("${}").is_err());
        assert!(Template::parse("${a b}").is_err());
    }

    #[test]
    fn a_template_is_printed_as_it_was_written() {
        for text in ["/p/${link}", "$${x} ${y}", "", "plain"] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
    }
}
