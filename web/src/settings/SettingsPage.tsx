import { Outlet } from "@tanstack/react-router";
import { useMe } from "@/session/session";
import { Subpages } from "@/ui/Subpages";

export function SettingsPage() {
  const me = useMe();
  const managesAll = me.may("manage_team") && me.everything;
  return (
    <Subpages title="Settings" tabs={[
      { to: "/settings", name: "Agent", exact: true },
      { to: "/settings/escalation", name: "Escalation" },
      { to: "/settings/team", name: "Team" },
      ...(managesAll ? [{ to: "/settings/tokens" as const, name: "API tokens" }] : []),
      ...(me.may("read_audit") && me.everything ? [{ to: "/settings/audit" as const, name: "Audit log" }] : []),
      ...(me.account ? [{ to: "/settings/account" as const, name: "Your account" }] : []),
    ]}>
      <Outlet />
    </Subpages>
  );
}
