export {
  type App,
  type AppPort,
  type AppSpec,
  type Connection,
  connect,
  connectOutside,
  type End,
  type Named,
  named,
  never,
  type Outside,
  only,
  outside,
  type PortOf,
  type Space,
  select,
  space,
} from './code/cluster.ts'
export { type Code, renderCode } from './code/render.ts'
export type { Request, Said } from './code/said.ts'
export * from './decision.ts'
export {
  type DefinedApplications,
  definedBy,
  definitionsIn,
  undefinedApplications,
} from './documents/defined.ts'
export * from './documents/document.ts'
export {
  EXTERNAL_WORKLOAD,
  type ExternalWorkload,
  validateExternalWorkload,
} from './documents/external-workload.ts'
export { POLICY_KINDS } from './documents/kinds.ts'
export * from './documents/l7.ts'
export { MODE_ANNOTATION } from './documents/metadata.ts'
export { parsePolicies } from './documents/parse.ts'
export { validatePolicy } from './documents/validate.ts'
export { policyToYaml, withMode } from './documents/write.ts'
export { check, portsOf } from './expect/check.ts'
export type { Expectation, ExpectationResult } from './expect/expectation.ts'
export { isPolicyTest, POLICY_TEST, readExpectations } from './expect/parse.ts'
export { parseEnd, parsePort, parseSentence } from './expect/sentence.ts'
export { findEnd } from './explain/end.ts'
export { explain } from './explain/explain.ts'
export type { Edit, ExplainedChange, ExplainedEnd, Explanation } from './explain/explanation.ts'
export { type ExplainLanguage, explainSentences } from './explain/sentences.ts'
export { type ExportResult, exportNetworkPolicies, type Lost } from './export/export.ts'
export type * from './facts.ts'
export type { ImportNote, ImportOptions, ImportResult, Refusal } from './import/foreign.ts'
export { importPolicies } from './import/import.ts'
export {
  EXCLUSIONS,
  type ExcludedFlow,
  type Exclusion,
  groupOf,
  LEARN_NOTES,
  type LearnEnd,
  type LearnedPolicy,
  type LearnedRule,
  type LearnFlow,
  type LearnGroup,
  type LearnNote,
  type LearnNoteCode,
  type LearnOptions,
  type LearnResult,
} from './learn/flow.ts'
export { learn } from './learn/learn.ts'
export {
  findUnused,
  RULE_ROLES,
  RULE_USES,
  type RuleRole,
  type RuleUse,
  type UnusedOptions,
  type UnusedResult,
  type UsedRule,
} from './learn/unused.ts'
export type { UsingFlow } from './learn/uses.ts'
export { CHECKS, LINT_IDS, type LintId } from './lint/checks.ts'
export { type Finding, type LintOptions, SEVERITIES, type Severity } from './lint/finding.ts'
export { IGNORE_ANNOTATION, lint } from './lint/lint.ts'
export { toSarif } from './lint/sarif.ts'
export type { Located, Place, SourceFile } from './manifests/located.ts'
export {
  type LocatedPolicy,
  type ManifestOptions,
  type Manifests,
  modelOfManifests,
  readManifests,
} from './manifests/manifests.ts'
export { type ModelChange, type ModelDelta, mergeDeltas, type NodeChange } from './model/change.ts'
export { type AppliedDnsProfile, dnsProfiles } from './model/dns-profiles.ts'
export type { PolicySet } from './model/entry.ts'
export { createModel, type Model, type SelectingPolicy } from './model/model.ts'
export { askResidual, type Residual, type ResidualAnswer, residual } from './model/residual.ts'
export { type NodeScope, nodeScope } from './node-scope.ts'
export {
  type Enforcing,
  NOT_ENFORCED,
  type NotEnforced,
  type NotEnforcedWhat,
  notEnforcedHere,
} from './not-enforced.ts'
export { type Change, type Compared, type CompareQuery, compareFlows } from './prove/difference.ts'
export { compileWorkloadSet, type EndSet, type WorkloadSet } from './prove/ends.ts'
export { type Proof, type ProveQuery, prove } from './prove/prove.ts'
export type * from './prove/result.ts'
export type { SurveyOptions } from './prove/survey.ts'
export type { JsonSchema } from './schema/schema.ts'
export { SPEC_SCHEMAS } from './schema/security-policy.ts'
export {
  type RecordedFlow,
  type SimulationGroup,
  type SimulationResult,
  simulate,
} from './simulate/simulate.ts'
export { createTableCompiler, type Resolution, type TableCompiler } from './table/compiler.ts'
export {
  decideByTable,
  type PacketQuery,
  type TableDecision,
  type Treatment,
  treatByTable,
} from './table/interpreter.ts'
export { isResolver } from './table/resolver.ts'
export * from './table.ts'
