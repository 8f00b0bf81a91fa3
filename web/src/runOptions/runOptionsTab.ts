export type RunOptionsTab = 'input' | 'arguments' | 'compiler' | 'limits' | 'artifacts'
