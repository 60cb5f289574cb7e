// What stands around every page: who is known, the live line, the rail, the dock of a call.

import { useQueryClient } from "@tanstack/react-query";
import { Navigate, Outlet, useLocation } from "@tanstack/react-router";
import { LiveProvider } from "@/live/LiveProvider";
import { DockProvider } from "@/phone/Dock";
import { ListeningProvider, OnTheCall } from "@/phone/Listening";
import { SessionProvider, useKnown } from "@/session/session";
import { TokenPage } from "@/session/TokenPage";
import { Loading, Trouble } from "@/ui/basics";
import { Shortcuts } from "@/ui/shortcuts";
import { Toasts } from "@/ui/toasts";
import { Banner } from "./Banner";
import { Keys } from "./Keys";
import { Rail } from "./Rail";

export function Frame() {
  const known = useKnown();
  const queries = useQueryClient();
  const at = useLocation({ select: (location) => location.pathname });
  if (known.isError) return <main><Trouble error={known.error} retry={() => void known.refetch()} /></main>;
  if (!known.data) return <main><Loading /></main>;
  if (known.data.state === "sign in") return <Navigate to="/sign-in" search={at === "/" ? {} : { to: at }} replace />;
  if (known.data.state === "token wanted") return <TokenPage onGiven={() => void queries.resetQueries()} />;
  return (
    <SessionProvider known={known.data}>
      <Toasts>
        <Shortcuts>
          <LiveProvider>
            <ListeningProvider><DockProvider>
              <Keys />
              <a href="#page" className="sr-only z-50 bg-surface p-3 focus:not-sr-only focus:absolute">Skip to the page</a>
              <div className="flex h-dvh flex-col md:flex-row">
                <Rail />
                <div id="page" tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none max-md:order-first">
                  <Banner />
                  <OnTheCall />
                  <Outlet />
                </div>
              </div>
            </DockProvider></ListeningProvider>
          </LiveProvider>
        </Shortcuts>
      </Toasts>
    </SessionProvider>
  );
}
