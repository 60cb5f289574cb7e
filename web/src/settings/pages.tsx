// The pages of the settings, loaded together once one of them is wanted.
export { Account } from "./Account";
export { Audit } from "./Audit";
export { Escalation } from "./Escalation";
export { Overview } from "./Overview";
export { Team } from "./Team";
export { Tokens } from "./Tokens";
