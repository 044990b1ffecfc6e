/** Saved views: a list as somebody has narrowed it, under a name, for all who may read. */

import { Button, Group, Menu, type MenuItemProps, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { createLink } from "@tanstack/react-router";
import { type ComponentProps, type FormEvent, type ReactElement, useRef, useState } from "react";
import { newKey, type Problem, post } from "../api/ask";
import { useDocument } from "../api/live";
import { asProblem } from "./act";
import { Dialog, say } from "./dialog";
import { To } from "./link";
import { useRefusal } from "./may";
import { Command, Wrong } from "./shown";
import { isSame, narrowed, type SavedView, said, saveCommand, whyNot } from "./view";

type OurItem = Omit<ComponentProps<"a">, keyof MenuItemProps> & MenuItemProps;
const ItemTo = createLink((props: OurItem): ReactElement => <Menu.Item component="a" {...props} />);

type Props = { page: SavedView["page"]; filter: Record<string, string | undefined> };

/** The views of a list, and how one more is made of what is shown. */
export function Views({ page, filter }: Props): ReactElement {
  const [saving, dialog] = useDisclosure();
  const refusal = useRefusal("operate");
  const { data } = useDocument({ path: "/api/v1/views", parts: { page }, watch: { kinds: ["view"] } });
  const rows = data?.rows ?? [];
  const shown = rows.find((one) => isSame(one.filter, filter));
  const why = refusal ?? whyNot(filter);
  return (
    <>
      {/* Where the placeholder has the focus, a menu holds what is no item of it. */}
      <Menu position="bottom-end" width={280} withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button variant="default" size="compact-md" className="view">
            {shown ? `View: ${shown.name}` : "Views"}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {rows.map((one) => (
            <ItemTo key={one.view_id} {...seen(one)} className="key" aria-current={one === shown ? "page" : undefined}>
              {one.name}
            </ItemTo>
          ))}
          {rows.length > 0 && <Menu.Divider />}
          {!why && !shown && <Menu.Item onClick={dialog.open}>Save this as a view</Menu.Item>}
          <ItemTo to="/settings">All views</ItemTo>
          {why && <Menu.Label>{`To save one: ${why}`}</Menu.Label>}
        </Menu.Dropdown>
      </Menu>
      <Dialog open={saving} close={dialog.close} title="Save this as a view">
        {saving && <Save page={page} filter={narrowed(filter)} close={dialog.close} />}
      </Dialog>
    </>
  );
}

/** Where a view is seen: a page of ours, by the words that it knows. */
const seen = ({ page, filter }: SavedView) => ({ to: `/${page}`, search: filter }) as const;

export function ViewLink({ of }: { of: SavedView }): ReactElement {
  return (
    <To {...seen(of)} className="key">
      {of.name}
    </To>
  );
}

type SaveProps = { page: SavedView["page"]; filter: Record<string, string>; close: () => void };

function Save({ page, filter, close }: SaveProps): ReactElement {
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey());
  const name = typed.trim();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!name || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await post("/api/v1/views", { page, name, filter }, { key: key.current });
      say(`View ${name} is saved`);
      close();
      await client.invalidateQueries({ queryKey: ["/api/v1/views"] });
    } catch (error) {
      setProblem(asProblem(error));
      key.current = newKey(); // another name is another view
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={save}>
      <Stack gap="sm">
        <Text size="sm">{`The list of ${page}, narrowed by ${said(filter)}.`}</Text>
        {problem && <Wrong problem={problem} />}
        <TextInput
          label="Name"
          description="All who may read see it: name nobody in it."
          value={typed}
          onChange={({ currentTarget: { value } }) => setTyped(value)}
          maxLength={80}
          autoComplete="off"
          data-autofocus
          required
        />
        <Command>{saveCommand(name || "NAME", page, filter)}</Command>
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" disabled={!name} loading={busy}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
