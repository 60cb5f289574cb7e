import { useNavigate } from "@tanstack/react-router";
import { useDock } from "@/phone/Dock";
import { useMe } from "@/session/session";
import { useShortcuts } from "@/ui/shortcuts";

/** Keys that work everywhere. */
export function Keys() {
  const go = useNavigate();
  const me = useMe();
  const dock = useDock();
  useShortcuts("Everywhere", [
    { keys: "g i", does: "Go to the inbox", act: () => void go({ to: "/support" }) },
    { keys: "g k", does: "Go to the knowledge", act: () => void go({ to: "/knowledge" }) },
    { keys: "g s", does: "Go to the settings", act: () => void go({ to: "/settings" }) },
    ...(me.may("work_cases") ? [{ keys: "g c", does: "Call your agent", act: () => dock.show() }] : []),
    { keys: "?", does: "Show these keys", act: () => {} },
  ]);
  return null;
}
