/** The recommender's side of oO/ml: typed calls, one deadline each, and errors that name the field. */
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi.js";

type Schemas = components["schemas"];
export type ScoreRequest = Schemas["ScoreRequest"];
export type ScoreReply = Schemas["ScoreReply"];
export type GenerateRequest = Schemas["GenerateRequest"];
export type GenerateReply = Schemas["GenerateReply"];
export type Task = Schemas["Task"];
export type Problem = Schemas["Problem"];

/** An answer that is not a 2xx, as RFC 9457 problem+json. A 503 may be tried again, a 4xx will not change. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    readonly problem: Problem,
    /** Seconds, when the answer says when to come again. */
    readonly retryAfter: number | null,
  ) {
    super(`${status} ${problem.title}: ${problem.detail}`);
  }

  /** JSON pointers (RFC 6901) to the fields of the body that are wrong. */
  get pointers(): readonly string[] {
    return (this.problem.errors ?? []).map((error) => error.pointer);
  }
}

export interface Options {
  /** Milliseconds for a call; the default leaves /score far more than it takes. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: (request: Request) => Promise<Response>;
}

export interface Client {
  /** Rank the candidates for one user, now. Rejects with ProblemError, or with fetch's own errors. */
  score(ask: ScoreRequest): Promise<ScoreReply>;
  /** Write one tip. A tip always comes; `fallback` says when it is not the language model's. */
  generate(ask: GenerateRequest): Promise<GenerateReply>;
}

export function connect(baseUrl: string, options: Options = {}): Client {
  const { timeoutMs = 2_000, headers = {}, fetch = globalThis.fetch } = options;
  const client = createClient<paths>({ baseUrl, headers, fetch });
  const signal = () => AbortSignal.timeout(timeoutMs);
  return {
    score: async (body) => answer(await client.POST("/score", { body, signal: signal() })),
    generate: async (body) => answer(await client.POST("/generate", { body, signal: signal() })),
  };
}

interface Result<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

function answer<T>({ data, error, response }: Result<T>): T {
  if (data !== undefined) return data;
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  throw new ProblemError(response.status, asProblem(error, response), Number.isFinite(after) ? after : null);
}

/** What stands between may answer something else than problem+json. */
function asProblem(error: unknown, response: Response): Problem {
  const is = typeof error === "object" && error !== null && "title" in error && "detail" in error;
  if (is) return error as Problem;
  return { type: "about:blank", title: response.statusText, status: response.status, detail: String(error ?? "") };
}
