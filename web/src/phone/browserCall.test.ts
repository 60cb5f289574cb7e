import { expect, it } from "vitest";
import { fragmentOf, type SpokenTurn, withCredentials, withTurn } from "./browserCall";

const SDP = ["v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:old", "a=ice-pwd:oldpwd", "a=mid:0", ""].join("\r\n");

it("tells the new credentials alone when it restarts", () => {
  expect(fragmentOf(SDP)).toBe(["a=ice-ufrag:old", "a=ice-pwd:oldpwd", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", ""].join("\r\n"));
});
it("takes the server's new credentials over, and nothing else", () => {
  const renewed = withCredentials(SDP, "a=ice-ufrag:new\r\na=ice-pwd:newpwd\r\n");
  expect(renewed).toBe(SDP.replace("ufrag:old", "ufrag:new").replace("pwd:oldpwd", "pwd:newpwd"));
});
it("shows each turn once, by its time, as it was told last", () => {
  const turn = (id: string, at: number, text: string): SpokenTurn => ({ id, at_ms: at, text, author: "agent", heard_text: null, reply_gap_ms: null });
  const turns = withTurn(withTurn(withTurn([], turn("b", 2, "later")), turn("a", 1, "first")), turn("b", 2, "changed"));
  expect(turns.map(({ text }) => text)).toEqual(["first", "changed"]);
});
