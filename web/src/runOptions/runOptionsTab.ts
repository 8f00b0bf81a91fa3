export type RunOptionsTab = 'input' | 'arguments' | 'language' | 'limits' | 'artifacts'
