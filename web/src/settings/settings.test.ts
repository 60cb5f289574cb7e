import { expect, it } from "vitest";
import { may } from "@/session/permissions";
import { fromNow, morning, untilMonday } from "@/ui/time";
import { browserOf } from "./Account";
import { faultsAt } from "./faults";
import { lines, moved } from "./lists";
import { idOf } from "./People";

it("moves a rung, and nothing beyond the ends", () => {
  expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
  expect(moved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
});
it("finds what is wrong at a field, and within a list", () => {
  const faults = ["ladder[1].targets[0]", "ladder[10]", "ladder"].map((path) => ({ path, problem: "p", remedy: "r" }));
  expect(faultsAt(faults, "ladder[1].targets", true)).toHaveLength(1);
  expect(faultsAt(faults, "ladder[1]")).toHaveLength(0);
  expect(faultsAt(faults, "ladder[1]", true)).toHaveLength(1);
});
it("names a person's id after them", () => {
  expect(idOf("Änne O’Brien")).toBe("anne-o-brien");
  expect(lines(" a \n\n b")).toEqual(["a", "b"]);
});
it("leaves out what a role may not do", () => {
  expect([may("viewer", "work_cases"), may("teammate", "work_cases"), may("teammate", "manage_team"), may("owner", "manage_team")]).toEqual([false, true, false, true]);
});
it("tells browsers apart", () => {
  expect(browserOf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox on Linux");
  expect(browserOf("curl/8")).toBe("curl/8");
});
it("counts to the next Monday, and to tomorrow's morning", () => {
  const sunday = new Date(2026, 10, 22, 23, 0);
  expect(untilMonday(sunday)).toBe(1);
  expect(untilMonday(new Date(2026, 10, 23))).toBe(7);
  expect(new Date(morning(1, sunday)).getHours()).toBe(9);
  expect(fromNow(sunday.getTime() + 7_200_000, sunday.getTime())).toMatch(/2/);
});
