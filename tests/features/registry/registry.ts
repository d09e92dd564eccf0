/**
 * The registry of profile features: what is computed per user in batches and shipped with every /score and /generate
 * call as `profile_features`. The Python side mirrors name, dtype, ttlSec, source and fallback.
 */
import type { ProfileStore } from './store';
import { DAY, HOUR as ONE_HOUR, SOURCES, type Source } from './constants';

export type Dtype = 'float' | 'int' | 'boolean';

export interface ProfileFeature {
  readonly name: string;
  readonly dtype: Dtype;
  readonly ttlSec: number;
  readonly source: Source;
  readonly fallback: number | null;
  readonly compute: (store: ProfileStore, userId: string) => Promise<number | null>;
}

const WINDOW_DAYS = 30;

/** What the rates over the window have in common. */
const rate = { dtype: 'float', ttlSec: 24 * 60 * 60 } as const;

const activity = [
  {
    name: 'active_days_14d',
    dtype: 'int',
    ttlSec: 86_400_000 / 1000, // a day, from milliseconds
    source: SOURCES.app,
    fallback: 7,
    compute: async (store, userId) => store.activeDays(userId, 14),
  },
  // Not computed any more:
  // { name: 'sessions_7d', dtype: 'int', ttlSec: 6 * 60 * 60, source: 'app' },
] as const;

export const PROFILE_REGISTRY = [
  {
    ...rate,
    name: `completion_rate_${WINDOW_DAYS}d`,
    source: SOURCES.todoist,
    fallback: 0.5,
    compute: (store, userId) => store.completionRate(userId, WINDOW_DAYS),
  },
  {
    name: 'preferred_hour',
    dtype: 'int',
    ttlSec: 7 * DAY,
    source: SOURCES.todoist,
    fallback: 9,
    async compute(store: ProfileStore, userId: string) {
      return store.preferredHour(userId);
    },
  },
  {
    ...rate,
    name: `tip_accept_rate_${WINDOW_DAYS}d`,
    source: SOURCES.feedback,
    fallback: 0.2,
    compute: (store, userId) => store.tipAcceptRate(userId, WINDOW_DAYS),
  },
  {
    name: 'tip_volume_7d',
    dtype: 'int',
    ttlSec: 6 * ONE_HOUR,
    source: SOURCES.feedback,
    fallback: 0,
    compute: (store, userId) => store.tipVolume(userId, 7),
  },
  {
    ...rate,
    name: `snooze_rate_${WINDOW_DAYS}d`,
    source: SOURCES.feedback,
    fallback: 0.1,
    compute: (store, userId) => store.snoozeRate(userId, WINDOW_DAYS),
  },
  ...activity,
  {
    name: 'tasks_open_avg_7d',
    dtype: 'float',
    ttlSec: 6 * ONE_HOUR,
    source: SOURCES.todoist,
    fallback: 10,
    compute: (store, userId) => store.openTasksAverage(userId, 7),
  },
  {
    name: 'days_since_signup',
    dtype: 'int',
    ttlSec: DAY,
    source: SOURCES.account,
    fallback: 30,
    compute: (store, userId) => store.daysSinceSignup(userId),
  },
] as const satisfies readonly ProfileFeature[];

export type ProfileFeatureName = (typeof PROFILE_REGISTRY)[number]['name'];

export const PROFILE_FEATURE_NAMES = PROFILE_REGISTRY.map((feature) => feature.name);

export function ttlSecOf(name: ProfileFeatureName): number {
  return PROFILE_REGISTRY.find((feature) => feature.name === name)!.ttlSec;
}
