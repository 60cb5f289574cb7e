// Changes of lists, each giving a new one.

export const changed = <T,>(list: T[], at: number, one: T): T[] => list.with(at, one);
export const without = <T,>(list: T[], at: number): T[] => list.toSpliced(at, 1);
export function moved<T>(list: T[], from: number, to: number): T[] {
  if (to < 0 || to >= list.length || from === to) return list;
  const rest = without(list, from);
  return rest.toSpliced(to, 0, list[from]!);
}
/** The lines of a text, without empty ones. */
export const lines = (text: string): string[] => text.split("\n").map((line) => line.trim()).filter(Boolean);
