import { Button } from "@mantine/core";
import type { ReactElement } from "react";
import { csv } from "./csv";
import { counted } from "./format";

/** What stands in a list as it is shown, with all that its document says of each row, as a file. */
export function Download({ name, rows }: { name: string; rows: object[] }): ReactElement {
  const save = () => {
    const url = URL.createObjectURL(new Blob([csv(rows as Record<string, unknown>[])], { type: "text/csv" }));
    const link = Object.assign(document.createElement("a"), { href: url, download: `${name}.csv` });
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <div>
      <Button variant="subtle" size="compact-sm" onClick={save}>
        {`${counted(rows.length, "row")} as CSV`}
      </Button>
    </div>
  );
}
