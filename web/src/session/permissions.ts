// What the roles may do, to leave out what somebody cannot do. The server decides in any case (domain/team.rs).

import type { Permission, Role } from "@/api/types";

const RANK: Record<Role, number> = { viewer: 0, teammate: 1, admin: 2, owner: 3 };
const LEAST: Record<Permission, Role> = {
  read_cases: "viewer", read_knowledge: "viewer", read_settings: "viewer", own_account: "viewer",
  work_cases: "teammate", write_knowledge: "teammate",
  supervise: "admin", intake: "admin", change_settings: "admin", manage_team: "admin", read_audit: "admin", read_metrics: "admin",
};

export const may = (role: Role, permission: Permission): boolean => RANK[role] >= RANK[LEAST[permission]];
