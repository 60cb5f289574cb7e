import { describe, expect, it } from "vitest";
import type { Call, Conversation } from "@/api/types";
import { marksOf, stateOf } from "./CallCard";
import { heardParts } from "./heard";
import { parts } from "./LatencyBar";
import { peaksOf } from "./wav";

function wav(frames: [number, number][], declared = frames.length * 4): ArrayBuffer {
  const file = new ArrayBuffer(44 + frames.length * 4);
  const view = new DataView(file);
  const word = (at: number, text: string) => [...text].forEach((letter, by) => view.setUint8(at + by, letter.charCodeAt(0)));
  word(0, "RIFF"); word(8, "WAVE"); word(12, "fmt "); word(36, "data");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 2, true);
  view.setUint32(24, 8000, true); view.setUint16(34, 16, true); view.setUint32(40, declared, true);
  frames.forEach(([left, right], at) => { view.setInt16(44 + at * 4, left, true); view.setInt16(46 + at * 4, right, true); });
  return file;
}

describe("the picture of a recording", () => {
  it("has a lane for each side", () => {
    const peaks = peaksOf(wav([[16_384, 0], [0, 0], [0, -32_768], [0, 0]]), 2)!;
    expect([...peaks.caller]).toEqual([0.5, 0]);
    expect([...peaks.ours]).toEqual([0, 1]);
    expect(peaks.durationMs).toBe(0.5);
  });
  it("comes from what is there, where a crash cut the file short of its header", () => {
    expect(peaksOf(wav([[1, 1]], 4_000_000), 1)?.durationMs).toBe(0.125);
  });
  it("is none for what is no recording", () => {
    expect(peaksOf(new TextEncoder().encode("no recording, but long enough for the head of one").buffer as ArrayBuffer, 4)).toBeNull();
  });
});

describe("a call's card", () => {
  const call = (more: Partial<Call> = {}): Call => ({ id: "k", to: "+1", trunk: "t", started_at_ms: 1, attempts: [], recordings: [], ...more });
  it("goes from ringing to its end", () => {
    const rung = { id: "a", destination: "Anna", started_at_ms: 3 };
    expect(stateOf(call())[0]).toBe("Ringing");
    expect(stateOf(call({ answered_at_ms: 2 }))[0]).toBe("On the line");
    expect(stateOf(call({ answered_at_ms: 2, attempts: [rung] }))[0]).toBe("Ringing Anna");
    expect(stateOf(call({ answered_at_ms: 2, attempts: [{ ...rung, outcome: "accepted" }] }))[0]).toBe("With a person");
    expect(stateOf(call({ ended_at_ms: 9, outcome: "ticket" }))).toEqual(["Ticket", "warn", false]);
  });
  it("marks where the caller cut in and where somebody was rung", () => {
    const said = { id: "m", author: "agent" as const, text: "We are open until six.", at_ms: 5, sources: [] };
    const one = { messages: [{ ...said, heard_text: "We are" }, { ...said, heard_text: said.text }], call: call({ attempts: [{ id: "a", destination: "Anna", started_at_ms: 7 }] }) } as unknown as Conversation;
    expect(marksOf(one).map(({ atMs, kind }) => [atMs, kind])).toEqual([[5, "interruption"], [7, "transfer"]]);
  });
});

describe("the parts of a reply gap", () => {
  it("sum up to the gap", () => {
    const shown = parts({ reply_gap: 500, end_of_turn: 200, recognition: 100, desk: 50, synthesis: 120, prepared: false });
    expect(shown.map(({ name }) => name)).toEqual(["end of turn", "recognition", "desk", "synthesis", "rest"]);
    expect(shown.reduce((sum, { ms }) => sum + ms, 0)).toBe(500);
  });
  it("leave out what was prepared before the end was certain", () => {
    expect(parts({ reply_gap: 210, end_of_turn: 200, recognition: 100, desk: 50, prepared: true }).map(({ name }) => name)).toEqual(["end of turn", "rest"]);
  });
  it("never run over the gap", () => {
    expect(parts({ reply_gap: 100, end_of_turn: 300, prepared: false })).toEqual([{ name: "end of turn", ms: 100, color: "bg-soft/50" }]);
  });
});

it("tells what of a sentence was heard", () => {
  expect(heardParts("We are open until six.", "We are")).toEqual({ heard: "We are", unheard: " open until six." });
  expect(heardParts("We are open.", null)).toEqual({ heard: "We are open.", unheard: "" });
  expect(heardParts("We are open.", "")).toEqual({ heard: "", unheard: "We are open." });
});
