/** What stands around every page: where one can go, whether what is shown is true now, and who is signed in. */

import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  Menu,
  NavLink,
  Text,
  Tooltip,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { signOut } from "./api/ask";
import { type Liveness, useDocument, useLive } from "./api/live";
import { Sheet, useKeys } from "./parts/keys";
import { useSession } from "./parts/may";
import { Palette } from "./parts/palette";
import { Guard, State } from "./parts/shown";
import { PLACES } from "./places";

const SAYS: Record<Liveness, [state: string, word: string, why: string]> = {
  live: ["heard", "live", "what changes is shown within a second or two"],
  reconnecting: ["paused", "polling", "the server tells of no changes at the moment; every page asks anew every 5 s"],
  paused: ["paused", "standing still", "press p to go on"],
};

export function Shell(): ReactElement {
  const [menu, { toggle, close }] = useDisclosure();
  const [sheet, keys] = useDisclosure();
  const [palette, goTo] = useDisclosure();
  const navigate = useNavigate();
  const { setColorScheme, colorScheme } = useMantineColorScheme();
  const { pathname } = useLocation();
  const live = useLive();
  const dark = () => setColorScheme(colorScheme === "dark" ? "light" : "dark");

  useKeys({
    ...Object.fromEntries(PLACES.map(({ key, to }) => [`g ${key}`, () => void navigate({ to })])),
    "?": keys.open,
    "Ctrl+k": goTo.open,
    p: live.pause,
    t: dark,
  });

  const [state, word, why] = SAYS[live.state];
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 240, breakpoint: "sm", collapsed: { mobile: !menu } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="navigation" />
            <Text fw={700}>Wave Runner</Text>
          </Group>
          <Group gap="sm" wrap="nowrap">
            <Tooltip label={why}>
              <Button variant="subtle" color="gray" size="compact-sm" onClick={live.pause} data-live={live.state}>
                <State of={state}>{word}</State>
              </Button>
            </Tooltip>
            <Tooltip label="go to (Ctrl+K)">
              <ActionIcon variant="default" onClick={goTo.open} aria-label="go to">
                ⌕
              </ActionIcon>
            </Tooltip>
            <Tooltip label="keys (?)">
              <ActionIcon variant="default" onClick={keys.open} aria-label="keys">
                ?
              </ActionIcon>
            </Tooltip>
            <Tooltip label="light, dark (t)">
              <ActionIcon variant="default" onClick={dark} aria-label="light or dark">
                ◐
              </ActionIcon>
            </Tooltip>
            <Person />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="pages">
        {PLACES.map(({ to, name, says }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={name}
            description={says}
            onClick={close}
            active={
              to === "/"
                ? pathname === "/"
                : pathname.startsWith(to) && !(to === "/runs" && pathname.startsWith("/runners"))
            }
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        <NobodyWorks />
        <Guard key={pathname}>
          <Outlet />
        </Guard>
      </AppShell.Main>
      <Sheet open={sheet} close={keys.close} />
      <Palette open={palette} close={goTo.close} />
    </AppShell>
  );
}

function Person(): ReactElement {
  const { person, role } = useSession();
  const end = () => void signOut().finally(() => location.reload());
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" size="compact-sm">{`${person} · ${role}`}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={end}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Said on every page: work waits, and nobody takes it up. */
function NobodyWorks(): ReactElement | null {
  const { data } = useDocument({
    path: "/api/v1/reports/alerts",
    watch: { kinds: ["run", "wave", "alert"] },
    every: 15_000,
  });
  const found = data?.rows.find((alert) => alert.kind === "no_runner");
  return found ? (
    <Text role="alert" mb="sm">
      <State of="failed">nobody works:</State> {found.message}
    </Text>
  ) : null;
}
