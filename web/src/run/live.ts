/** All that only a run needs; loaded once the page is there. */
export { submit } from '../api/jobs'
export { followJob } from './followed'
export { type Launch, prepare } from './launch'
