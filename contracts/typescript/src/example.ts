/** `node dist/example.js http://127.0.0.1:8080`: rank two tasks, write a tip about the chosen one, and be refused. */
import { connect, ProblemError, type Task } from "./client.js";

const tasks: Task[] = [
  { id: "t-1", content: "Send the tax form", priority: 4, due: { date: "2026-11-20" } },
  { id: "t-2", content: "Call grandma", due: { date: "2026-11-23T18:00:00" }, added_at: "2026-11-01T08:00:00Z" },
];

const ml = connect(process.argv[2] ?? "http://127.0.0.1:8080", { timeoutMs: 20_000 });
const ranked = await ml.score({
  user_id: "u-1",
  timezone: "Europe/Berlin",
  tasks,
  profile_features: { completion_rate_30d: 0.62, preferred_hour: 9 },
  profile_computed_at: new Date().toISOString(),
});
const written = await ml.generate({ user_id: "u-1", tasks, prompt_version: "v1" });
const refused = await ml.score({ user_id: "u-1", timezone: "Europe/Nowhere" }).catch((error: unknown) => {
  if (error instanceof ProblemError) return error;
  throw error;
});

console.log(
  JSON.stringify({
    chosen: ranked.chosen,
    propensity: ranked.scores.find((item) => item.candidate_id === ranked.chosen)?.propensity,
    stale: ranked.fallbacks.filter((item) => item.reason === "stale").map((item) => item.feature),
    tip: written.tip,
    promptVersion: written.prompt_version,
    fallback: written.fallback,
    refused: refused instanceof ProblemError ? { status: refused.status, pointers: refused.pointers } : null,
  }),
);
