/** Who is signed in, and what they may do. */

import { createContext, useContext } from "react";
import type { Documents } from "../api/ask";

export type Session = Documents["SessionV1"];
export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const found = useContext(SessionContext);
  if (!found) throw new Error("nobody is signed in");
  return found;
}

const NEEDED = {
  operate: "operator, reviewer or admin",
  review: "reviewer or admin",
  audit: "auditor or admin",
  read: "any role",
};

/** Why this person may not do that; nothing where they may. */
export function useRefusal(action: keyof typeof NEEDED): string | undefined {
  const { may, role } = useSession();
  return may.includes(action) ? undefined : `you are here as ${role}; this needs ${NEEDED[action]}`;
}
