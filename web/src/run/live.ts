/** All that only a run needs: loaded with the first one, while that is submitted. */
export { follow } from '../api/follow'
export { endingOf, truncationOf } from './ending'
