import { bundleScripts } from './bundle.ts' with { type: 'macro' };

/** The scripts as they were when the executable was built; a checkout bundles them when they are asked for. */
export const SCRIPTS_BUILT = bundleScripts();
