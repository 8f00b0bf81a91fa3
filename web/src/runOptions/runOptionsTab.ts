export type RunOptionsTab = 'input' | 'arguments' | 'limits' | 'artifacts'
