// A page that answers a form (a refusal, a question for the password) stays as it is until the person acts. Its address was the
// form's: it becomes that of the page the form stands on, which can be reloaded and opened.
const { answer, begun } = document.body.dataset;

// answered is the address of the page that this one answers a form of; nothing on every other page.
export const answered = answer;

if (answer) history.replaceState(history.state, "", answer);

// knows tells whether a change at that time (ms by the server's clock) was made before the page was.
export const knows = (at) => Boolean(at) && at < Number(begun);
