import { Outlet } from "@tanstack/react-router";
import { useMe } from "@/session/session";
import { Subpages } from "@/ui/Subpages";

export function KnowledgePage() {
  const me = useMe();
  return (
    <Subpages title="Knowledge" tabs={[
      { to: "/knowledge", name: "Articles", exact: true },
      // Gaps hold customers' words from every inbox.
      ...(me.everything ? [{ to: "/knowledge/gaps" as const, name: "Missing answers" }] : []),
      { to: "/knowledge/try", name: "Try a question" },
    ]}>
      <Outlet />
    </Subpages>
  );
}
