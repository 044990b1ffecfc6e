/** Links within the pages: the browser loads nothing, and where they lead is checked. */

import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentProps, ReactElement } from "react";

type Ours = Omit<ComponentProps<"a">, keyof AnchorProps> & AnchorProps;
type OurButton = Omit<ComponentProps<"a">, keyof ButtonProps> & ButtonProps;

export const To = createLink((props: Ours): ReactElement => <Anchor {...props} />);
export const ButtonTo = createLink((props: OurButton): ReactElement => <Button component="a" {...props} />);
