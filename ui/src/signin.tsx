import { Button, Container, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { type FormEvent, type ReactElement, useState } from "react";
import { type Problem, signIn } from "./api/ask";
import { asProblem } from "./parts/act";
import { Command, Wrong } from "./parts/shown";

export function SignIn({ because, done }: { because: string; done: () => void }): ReactElement {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const show = (event: FormEvent) => {
    event.preventDefault();
    signIn(token).then(done, (error) => setProblem(asProblem(error)));
  };
  return (
    <Container component="main" size={440} py={80}>
      <form onSubmit={show}>
        <Stack>
          <Title order={1} size="h2">
            Wave Runner
          </Title>
          <Text>{because}</Text>
          <PasswordInput
            label="Access token"
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus
            visibilityToggleButtonProps={{ "aria-label": "show it" }}
          />
          {problem && <Wrong problem={problem} />}
          <Button type="submit" disabled={!token.trim()}>
            Sign in
          </Button>
          <Text size="sm" c="dimmed">
            On the machine itself, open the address that wave serve has printed.
          </Text>
          <Command>wave access grant YOU --role viewer</Command>
        </Stack>
      </form>
    </Container>
  );
}
