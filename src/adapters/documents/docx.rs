//! A word processor's document (ECMA-376): a package whose part `word/document.xml` holds the text.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Its title, which it has none, and its text.
pub fn read(bytes: Vec<u8>) -> Result<(Option<String>, String), String> {
    let damaged = |error: &dyn std::fmt::Display| format!("this DOCX document is damaged: {error}");
    let mut package = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let part = package.by_name("word/document.xml").map_err(|error| damaged(&error))?;
    let mut xml = Vec::new();
    part.take(XML_BYTES_MAX + 1).read_to_end(&mut xml).map_err(|error| damaged(&error))?;
    if xml.len() as u64 > XML_BYTES_MAX {
        return Err("this DOCX document unpacks to more than any honest one does; split it".into());
    }
    text(&xml).map(|text| (None, text)).map_err(|error| damaged(&error))
}

fn text(xml: &[u8]) -> Result<String, quick_xml::Error> {
    let mut reader = Reader::from_reader(xml);
    let mut text = String::new();
    let mut paragraph = String::new();
    let (mut level, mut item, mut in_text, mut deleted) = (0, false, false, 0);
    loop {
        match reader.read_event()? {
            Event::Start(element) => match element.local_name().as_ref() {
                b"t" => in_text = true,
                b"del" => deleted += 1,
                b"pStyle" => level = heading_level(&element),
                b"numPr" => item = true,
                _ => {} // Runs, properties and drawings say nothing themselves.
            },
            Event::Empty(element) => match element.local_name().as_ref() {
                b"pStyle" => level = heading_level(&element),
                b"numPr" => item = true,
                b"tab" => paragraph.push('\t'),
                b"br" | b"cr" => paragraph.push('\n'),
                _ => {} // As above.
            },
            Event::Text(words) if in_text && deleted == 0 => {
                paragraph.push_str(&words.decode().map_err(quick_xml::Error::from)?);
            }
            Event::GeneralRef(name) if in_text && deleted == 0 => paragraph.push_str(&entity(&name)),
            Event::End(element) => match element.local_name().as_ref() {
                b"t" => in_text = false,
                b"del" => deleted -= 1,
                b"tc" => paragraph.push_str(" | "),
                b"p" => {
                    end_paragraph(&mut text, paragraph.trim(), level, item);
                    paragraph.clear();
                    (level, item) = (0, false);
                }
                _ => {} // As above.
            },
            Event::Eof => return Ok(text),
            _ => {} // Declarations and comments.
        }
    }
}

fn entity(name: &quick_xml::events::BytesRef<'_>) -> String {
    match name.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => match &**name {
            b"amp" => "&".into(),
            b"lt" => "<".into(),
            b"gt" => ">".into(),
            b"quot" => "\"".into(),
            b"apos" => "'".into(),
            _ => String::new(), // Others have to be declared, and declarations are not read.
        },
    }
}

fn end_paragraph(text: &mut String, paragraph: &str, level: usize, item: bool) {
    if paragraph.is_empty() {
        return;
    }
    if level > 0 {
        text.extend(std::iter::repeat_n('#', level));
        text.push(' ');
    } else if item {
        text.push_str("- ");
    }
    text.push_str(paragraph);
    text.push_str(if item { "\n" } else { "\n\n" });
}

/// `Heading2`, `heading 2`, `berschrift2` in other languages: a style that ends in a digit of a heading.
fn heading_level(style: &BytesStart<'_>) -> usize {
    let value = style.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == b"val");
    let name = value.map(|value| String::from_utf8_lossy(&value.value).to_lowercase()).unwrap_or_default();
    if name == "title" {
        return 1;
    }
    let is_heading = ["heading", "berschrift", "titre", "titolo", "rubrik"].iter().any(|word| name.contains(word));
    let level = name.chars().last().and_then(|last| last.to_digit(10)).unwrap_or(1) as usize;
    if is_heading { level.clamp(1, 6) } else { 0 }
}

/// Unpacked text of a document: a long book has 5 MB of it.
const XML_BYTES_MAX: u64 = 64_000_000;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    /// A document with this body.
    pub(crate) fn document(body: &str) -> Vec<u8> {
        let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
        package.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
        write!(package, "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>")
            .unwrap();
        package.finish().unwrap().into_inner()
    }

    #[test]
    fn headings_paragraphs_lists_and_entities_are_read() {
        let body = "<w:p><w:pPr><w:pStyle w:val=\"Heading2\"/></w:pPr><w:r><w:t>Returns</w:t></w:r></w:p>\
            <w:p><w:r><w:t>Within 30 days &amp; </w:t></w:r><w:r><w:t>unused.</w:t></w:r></w:p>\
            <w:p><w:pPr><w:numPr><w:ilvl w:val=\"0\"/></w:numPr></w:pPr><w:r><w:t>One</w:t></w:r></w:p>\
            <w:del><w:r><w:delText>gone</w:delText></w:r></w:del>";
        let (_, text) = read(document(body)).unwrap();
        assert_eq!(text, "## Returns\n\nWithin 30 days & unused.\n\n- One\n");
    }

    /// W1: a package that unpacks to more than it may is refused before it is unpacked whole.
    #[test]
    fn a_zip_bomb_is_refused() {
        let bomb = document(&" ".repeat(XML_BYTES_MAX as usize + 10));
        assert!(bomb.len() < 1_000_000);
        assert!(read(bomb).unwrap_err().contains("unpacks"));
    }

    #[test]
    fn what_is_no_package_is_told() {
        assert!(read(b"PK\x03\x04 word/document.xml".to_vec()).unwrap_err().contains("damaged"));
    }
}
