/** How long profile features stay fresh. Everything here is in seconds. */
export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Upstream systems, as `source` names them. */
export const SOURCES = {
  todoist: 'todoist',
  feedback: 'feedback',
  app: 'app',
  account: 'account',
} as const;

export type Source = (typeof SOURCES)[keyof typeof SOURCES];
