//! The page at `/docs`: the app's description for people, complete without a script or a request to
//! anywhere else.

use std::fmt::{self, Write as _};

use serde_json::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1a1a1a;background:#fff}code,pre{font-family:ui-monospace,monospace;\
    font-size:.9em}pre{background:#f4f4f4;padding:.75rem;overflow-x:auto}table{border-collapse:\
    collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd;\
    vertical-align:top}.ended{color:#b00020;font-weight:600}h2{margin-top:2.5rem;border-top:2px \
    solid #1a1a1a;padding-top:.75rem}@media(prefers-color-scheme:dark){body{color:#eee;background:\
    #161616}pre{background:#242424}td,th{border-color:#444}.ended{color:#ff8a80}h2{border-color:\
    #eee}}";

/// The page for an OpenAPI document of [`openapi`](crate::describe::openapi()).
pub(crate) fn page(document: &Value) -> String {
    let mut page = String::new();
    // A string takes whatever is written to it.
    let _written = write(&mut page, document);
    page
}

fn write(page: &mut String, document: &Value) -> fmt::Result {
    let info = &document["info"];
    let title = Text(text(&info["title"]));
    write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1><p>Version {}. <a href=\"openapi.json\">openapi.json</a></p>",
        Text(text(&info["version"]))
    )?;
    paragraph(page, &info["description"])?;
    for (path, methods) in fields(&document["paths"]) {
        if methods.get("x-fal-protocol").is_some() {
            // What is mirrored as a post are the messages of a session.
            operation_of(page, ("websocket", path), &methods["post"], document)?;
            continue;
        }
        for (method, operation) in fields(methods) {
            operation_of(page, (method, path), operation, document)?;
        }
    }
    page.write_str("</html>\n")
}

fn operation_of(
    page: &mut String,
    (method, path): (&str, &str),
    operation: &Value,
    document: &Value,
) -> fmt::Result {
    write!(page, "<h2><code>{} {}</code></h2>", method.to_uppercase(), Text(path))?;
    paragraph(page, &operation["summary"])?;
    paragraph(page, &operation["description"])?;
    let body = at(operation, "/requestBody/content");
    for (media_type, content) in fields(body) {
        write!(page, "<p>Takes <code>{}</code>:</p>", Text(media_type))?;
        schema(page, &content["schema"], document)?;
    }
    for (media_type, content) in fields(at(operation, "/responses/200/content")) {
        write!(page, "<p>Answers 200 with <code>{}</code>:</p>", Text(media_type))?;
        schema(page, &content["schema"], document)?;
    }
    outcomes(page, &operation["responses"])
}

/// What each status does, in one table.
fn outcomes(page: &mut String, responses: &Value) -> fmt::Result {
    let rows = fields(responses).flat_map(|(status, response)| {
        items(&response["x-fal-outcomes"]).map(move |outcome| (status, outcome))
    });
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    page.write_str(
        "<table><tr><th>status</th><th>when</th><th>the runner is</th><th>a queued request is</th>\
         </tr>",
    )?;
    for (status, outcome) in rows {
        let runner = text(&outcome["runner"]);
        write!(
            page,
            "<tr><td>{}</td><td><code>{}</code> {}</td><td class=\"{}\">{}</td><td>{}</td></tr>",
            Text(status),
            Text(text(&outcome["case"])),
            Text(text(&outcome["description"])),
            Text(runner),
            Text(runner),
            Text(text(&outcome["queued_request"])),
        )?;
    }
    page.write_str("</table>")
}

/// A schema as JSON; one that has a name is shown, not named.
fn schema(page: &mut String, schema: &Value, document: &Value) -> fmt::Result {
    let named = schema["$ref"].as_str().and_then(|name| document.pointer(name.strip_prefix('#')?));
    let json = serde_json::to_string_pretty(named.unwrap_or(schema)).unwrap_or_default();
    write!(page, "<pre>{}</pre>", Text(&json))
}

fn paragraph(page: &mut String, value: &Value) -> fmt::Result {
    match value.as_str() {
        Some(words) => write!(page, "<p>{}</p>", Text(words)),
        None => Ok(()),
    }
}

fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Text that is no markup, whatever it holds.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_author_wrote_is_no_markup() {
        assert_eq!(Text("a <b> & \"c\"").to_string(), "a &lt;b&gt; &amp; &quot;c&quot;");
    }
}
