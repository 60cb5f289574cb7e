import { Link } from "@tanstack/react-router";
import { useDock } from "@/phone/Dock";
import { useMe } from "@/session/session";
import { Icon, type IconName, Mark } from "@/ui/icons";

const PLACES: { to: "/support" | "/knowledge" | "/settings"; icon: IconName; name: string }[] = [
  { to: "/support", icon: "inbox", name: "Inbox" },
  { to: "/knowledge", icon: "book", name: "Knowledge" },
  { to: "/settings", icon: "settings", name: "Settings" },
];
const PLACE = "flex flex-1 flex-col items-center justify-center gap-0.5 rounded-lg py-1.5 text-2xs font-medium text-soft hover:bg-sunken hover:text-ink md:w-16 md:flex-none md:py-2 max-md:min-h-13";

/** The way between the pages: at the side of a desk's screen, at the foot of a telephone's. */
export function Rail() {
  const me = useMe();
  const dock = useDock();
  return (
    <nav aria-label="Pages" className="flex shrink-0 items-stretch border-line bg-surface px-1.5 max-md:border-t max-md:pb-[env(safe-area-inset-bottom)] md:flex-col md:items-center md:gap-1 md:border-r md:py-3">
      <span className="mb-3 hidden md:block"><Mark /></span>
      {PLACES.map(({ to, icon, name }) => (
        <Link key={to} to={to} className={PLACE} activeProps={{ className: "!text-accent md:bg-tint", "aria-current": "page" }} activeOptions={{ includeSearch: false }}>
          <Icon name={icon} size={21} />{name}
        </Link>
      ))}
      <span className="hidden flex-1 md:block" />
      {me.may("work_cases") && (
        <button type="button" className={PLACE} onClick={dock.show} aria-expanded={dock.shown}>
          <Icon name="phone" size={21} /><span className="md:hidden">Call agent</span><span className="hidden text-center md:inline">Call your agent</span>
        </button>
      )}
    </nav>
  );
}
