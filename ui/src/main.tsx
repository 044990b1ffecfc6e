import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./style.css";

import { createTheme, MantineProvider, Skeleton } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryCache, QueryClient, QueryClientProvider, useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { type ReactElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { get, Problem, sendWith } from "./api/ask";
import { LiveProvider } from "./api/live";
import { SessionContext } from "./parts/may";
import { Wrong } from "./parts/shown";
import { router } from "./router";
import { SignIn } from "./signin";

const theme = createTheme({
  primaryColor: "indigo",
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  components: { Anchor: { defaultProps: { underline: "always", inherit: true } } },
});
const SESSION = "/api/v1/session";
const refused = (error: unknown) => error instanceof Problem && error.status === 401;

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (refused(error) && query.queryKey[0] !== SESSION) void client.invalidateQueries({ queryKey: [SESSION] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (tries, error) => tries < 1 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
  },
});

function App(): ReactElement {
  const cache = useQueryClient();
  const { data, error } = useQuery({
    queryKey: [SESSION],
    queryFn: async () => {
      const found = await get(SESSION);
      sendWith(found.csrf);
      return found;
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state }) => (state.error && !refused(state.error) ? 3000 : false),
  });
  if (refused(error))
    return (
      <SignIn because={data ? "Your session has ended." : "Who are you?"} done={() => void cache.resetQueries()} />
    );
  if (!data) return error ? <Wrong problem={error as Problem} /> : <Skeleton height={200} aria-label="loading" />;
  return (
    <SessionContext.Provider value={data}>
      <LiveProvider>
        <RouterProvider router={router} />
      </LiveProvider>
    </SessionContext.Provider>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Notifications />
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
