/**
 * A closed profile of bench/profiles.json.
 * @typedef {{ pauseMs: number, stages: { seconds: number, users: number }[] }} ClosedProfile
 */

/**
 * One scenario for each profile, under the profile's name, each starting when the one before it has ended. Its users buy
 * in a closed loop: each waits for an answer and for a pause before the next purchase.
 * @param {Record<string, ClosedProfile>} profiles
 * @param {{ scale: number, users: number }} factors of the durations and of the numbers of users
 */
export function scenariosOf(profiles, { scale, users }) {
  /** @type {Record<string, import('k6/options').Scenario>} */
  const scenarios = {};
  let startMs = 0;
  for (const [name, profile] of Object.entries(profiles)) {
    const stages = profile.stages.map((stage) => ({
      durationMs: Math.round(stage.seconds * 1000 * scale),
      target: Math.max(1, Math.round(stage.users * users)),
    }));
    scenarios[name] = { ...executorOf(stages), startTime: `${startMs}ms` };
    startMs += totalMs(stages);
  }
  return scenarios;
}

/**
 * @param {{ durationMs: number, target: number }[]} stages
 * @returns {import('k6/options').Scenario}
 */
function executorOf(stages) {
  const [first] = stages;
  if (first && first.durationMs === 0 && stages.every(({ target }) => target === first.target))
    return { executor: 'constant-vus', vus: first.target, duration: `${totalMs(stages)}ms` };
  return {
    executor: 'ramping-vus',
    startVUs: 0,
    stages: stages.map(({ durationMs, target }) => ({ duration: `${durationMs}ms`, target })),
  };
}

/** @param {{ durationMs: number }[]} stages */
function totalMs(stages) {
  return stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
}
