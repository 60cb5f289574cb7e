import { queryOptions } from "@tanstack/react-query";
import { api, got } from "@/api/client";
import type { Agent } from "@/api/types";

export const agentsQuery = queryOptions({
  queryKey: ["agents"],
  queryFn: async () => (await got(api.GET("/api/v1/agents"))) as unknown as { agents: Agent[] },
});
