/** The modules that JupyterLab and Notebook share with their extensions. */

let scope = {};

/** Keep the share scope that the container is given. */
export function setShared(given) {
  scope = given;
}

/** Return a shared module: that version which is in use, else the newest; undefined where there is none. */
export async function shared(name) {
  const versions = Object.entries(scope[name] ?? {});
  if (!versions.length) return undefined;
  const used = versions.find(([, each]) => each.loaded);
  const [, chosen] = used ?? versions.sort(([a], [b]) => b.localeCompare(a, undefined, { numeric: true }))[0];
  return (await chosen.get())();
}
