import { Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { ReactElement, ReactNode } from "react";

type Props = { open: boolean; close: () => void; title: string; children: ReactNode };

export function Dialog({ open, close, title, children }: Props): ReactElement {
  return (
    <Modal
      opened={open}
      onClose={close}
      title={title}
      closeButtonProps={{ "aria-label": "close" }}
      attributes={{ header: { role: "presentation" } }} // the header of a dialog is not that of the page
    >
      {children}
    </Modal>
  );
}

/** Say what was done, for a few seconds. */
export function say(message: string): void {
  notifications.show({ message, color: "teal.9", closeButtonProps: { "aria-label": "close" } });
}
