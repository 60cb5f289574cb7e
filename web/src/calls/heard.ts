/** Of what was meant to be said: what was heard, and what nobody heard any more. */
export function heardParts(text: string, heard: string | null | undefined): { heard: string; unheard: string } {
  if (heard == null || heard === text) return { heard: text, unheard: "" };
  let same = 0;
  while (same < heard.length && heard[same] === text[same]) same += 1;
  return { heard: text.slice(0, same), unheard: text.slice(same) };
}
