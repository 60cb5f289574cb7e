import { Link } from "@tanstack/react-router";
import { Empty } from "@/ui/basics";

export function Missing() {
  return (
    <main className="flex h-full">
      <Empty icon="question" title="There is no such page"><Link to="/support" className="link">Go to the inbox</Link></Empty>
    </main>
  );
}
