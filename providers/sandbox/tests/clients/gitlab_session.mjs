// A short session of @gitbeaker/rest (43) with the sandbox's GitLab; exits non-zero if any answer is not as GitLab's.
//
//     node gitlab_session.mjs URL TOKEN

import assert from 'node:assert/strict';
import { Gitlab } from '@gitbeaker/rest';

const [host, token] = process.argv.slice(-2);
const api = new Gitlab({ host, token });

const refused = (action, status, text) =>
  assert.rejects(action, (error) => {
    assert.equal(error.cause?.response?.status, status);
    assert.ok(`${error.message} ${error.cause?.description}`.includes(text), `${error.message} ${error.cause?.description}`);
    return true;
  });

const root = await api.Groups.create('beaker', 'beaker');
const group = await api.Groups.create('team', 'team', { parentId: root.id });
assert.equal(group.full_path, 'beaker/team');
await refused(() => api.Groups.create('team', 'beaker'), 400, 'has already been taken');
for (let number = 0; number < 45; number++) {
  await api.Projects.create({ name: `repo-${number}`, namespaceId: group.id });
}
const projects = await api.Groups.allProjects(root.id, { includeSubgroups: true, perPage: 20 });
assert.equal(projects.length, 45);
const walked = await api.Projects.all({ pagination: 'keyset', orderBy: 'id', sort: 'asc', perPage: 20, membership: true });
assert.ok(walked.length >= 45);
const project = await api.Projects.edit(projects[0].id, { description: 'edited' });
assert.equal(project.description, 'edited');
await api.ProjectVariables.create(project.id, 'KEY', 'value', { environmentScope: 'dev' });
const variable = await api.ProjectVariables.show(project.id, 'KEY', { filter: { environment_scope: 'dev' } });
assert.equal(variable.value, 'value');
await api.Commits.create(project.id, 'main', 'first', [{ action: 'create', filePath: 'a/b.txt', content: 'x' }]);
const file = await api.RepositoryFiles.show(project.id, 'a/b.txt', 'main');
assert.equal(Buffer.from(file.content, 'base64').toString(), 'x');
const [user] = await api.Users.all({ username: 'paul.martin' });
await api.GroupMembers.add(group.id, 30, { userId: user.id });
await refused(() => api.GroupMembers.add(group.id, 30, { userId: user.id }), 409, 'Member already exists');
const month = new Date(Date.now() + 30 * 86400 * 1000).toISOString().slice(0, 10);
const bot = await api.GroupAccessTokens.create(group.id, 'bot', ['read_api'], month, { accessLevel: 20 });
assert.ok(bot.token.startsWith('glpat-'));
await api.Groups.remove(group.id);
assert.ok((await api.Groups.show(group.id)).marked_for_deletion_on);
await refused(() => api.Projects.show(999999), 404, 'Project Not Found');
console.log('session passed');
