//! What a file is: by its content, and its name must not say something else (W1).

use crate::domain::article::FileFormat;

/// The format of a file, or what is wrong with it and what is read.
pub fn of(name: &str, bytes: &[u8]) -> Result<FileFormat, String> {
    let found = by_content(bytes).ok_or_else(|| {
        "this is no document that can be read; PDF, DOCX, HTML, Markdown and UTF-8 text can be".to_owned()
    })?;
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let (format, fits) = match (found, ending.as_deref()) {
        (FileFormat::Text, Some("md" | "markdown")) => (FileFormat::Markdown, true),
        // A page may begin with anything.
        (FileFormat::Text, Some("html" | "htm" | "xhtml")) => (FileFormat::Html, true),
        (FileFormat::Text, ending) => (found, matches!(ending, None | Some("txt" | "text"))),
        (FileFormat::Html, ending) => (found, matches!(ending, None | Some("html" | "htm" | "xhtml"))),
        (FileFormat::Pdf, ending) => (found, matches!(ending, None | Some("pdf"))),
        (FileFormat::Docx, ending) => (found, matches!(ending, None | Some("docx"))),
        (FileFormat::Markdown, _) => (found, true),
    };
    if !fits {
        return Err(format!(
            "this file is named .{} and holds {}; give it its true ending",
            ending.unwrap_or_default().chars().take(10).collect::<String>(),
            told(found)
        ));
    }
    Ok(format)
}

/// The text of a text file.
pub fn text(bytes: &[u8]) -> Result<String, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.trim().is_empty() => Ok(text.replace("\r\n", "\n")),
        Ok(_) => Err("this file is empty".into()),
        Err(_) => Err("this file is not UTF-8 text; save it as UTF-8".into()),
    }
}

fn by_content(bytes: &[u8]) -> Option<FileFormat> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    if contains(head, b"%PDF-") {
        return Some(FileFormat::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        // The directory at the end names every part; other packages have no such one.
        return contains(bytes, b"word/document.xml").then_some(FileFormat::Docx);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if text.contains('\0') {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let start = start.get(..start.len().min(200)).unwrap_or_default().to_ascii_lowercase();
    let page = start.starts_with("<!doctype html") || start.starts_with("<html");
    Some(if page { FileFormat::Html } else { FileFormat::Text })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn told(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Text | FileFormat::Markdown => "plain text",
        FileFormat::Html => "a web page",
        FileFormat::Docx => "a DOCX document",
        FileFormat::Pdf => "a PDF document",
    }
}

/// Where a PDF's mark has to stand (ISO 32000-1, annex H).
const HEAD_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    /// W1: the content decides, and a name that says something else is told.
    #[test]
    fn a_file_is_what_it_holds_and_not_what_it_is_called() {
        assert_eq!(of("a.md", b"# Hi"), Ok(FileFormat::Markdown));
        assert_eq!(of("a.txt", b"# Hi"), Ok(FileFormat::Text));
        assert_eq!(of("notes", b"Hi"), Ok(FileFormat::Text));
        assert_eq!(of("a.pdf", b"%PDF-1.7\n"), Ok(FileFormat::Pdf));
        assert_eq!(of("a.htm", b"  <!DOCTYPE html><p>Hi"), Ok(FileFormat::Html));
        assert_eq!(of("a.docx", b"PK\x03\x04 word/document.xml"), Ok(FileFormat::Docx));
        for (name, bytes) in [
            ("a.pdf", &b"just text"[..]),
            ("a.txt", b"%PDF-1.7"),
            ("a.docx", b"PK\x03\x04 xl/workbook.xml"),
            ("a.md", b"\x7fELF\x02\x01\x00"),
            ("a.txt", b"nul \0 byte"),
            ("a.pdf", b"MZ\x90"),
            ("a.png", b"text"),
            ("a.txt", b"\xff\xfe"),
        ] {
            assert!(of(name, bytes).is_err(), "{name}");
        }
    }
}
