//! A PDF document's text, page by page.

/// Its title, which is seldom true and hence not read, and its text.
pub fn read(bytes: &[u8]) -> Result<(Option<String>, String), String> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(bytes).map_err(|error| {
        format!("this PDF document cannot be read ({error}); without a password and saved anew it may be")
    })?;
    Ok((None, pages.join("\n\n")))
}
