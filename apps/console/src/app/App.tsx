import { Component, lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { Redirect, Route, Switch } from 'wouter'
import { ApiError, type Live, LiveProvider, useSession } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { EmptyState, Failure, LinkButton, Loading } from '../ui/index.ts'
import { Login, linkToken } from './Login.tsx'
import { Shell } from './Shell.tsx'

const Overview = lazy(() => import('../pages/overview/OverviewPage.tsx'))
const MapPage = lazy(async () => ({ default: (await import('../map/index.ts')).MapPage }))
const Flows = lazy(() => import('../pages/flows/FlowsPage.tsx'))
const Policies = lazy(() => import('../pages/policies/PoliciesPage.tsx'))
const Suggest = lazy(() => import('../pages/policies/SuggestPage.tsx'))
const Changes = lazy(() => import('../pages/policies/ChangesPage.tsx'))
const NewPolicy = lazy(() => import('../pages/policies/NewPolicyPage.tsx'))
const Policy = lazy(() => import('../pages/policies/PolicyPage.tsx'))
const Events = lazy(() => import('../pages/records/EventsPage.tsx'))
const Agents = lazy(() => import('../pages/records/AgentsPage.tsx'))
const Audit = lazy(() => import('../pages/records/AuditPage.tsx'))

function NotFound() {
  const { t } = useI18n()
  const home = <LinkButton href="/">{t.app.notFound.home}</LinkButton>
  return (
    <EmptyState icon="search" title={t.app.notFound.title} actions={home}>
      {t.app.notFound.text}
    </EmptyState>
  )
}

interface BoundaryProps {
  readonly title: string
  readonly text: string
  readonly children: ReactNode
}

/** A page that throws takes only itself down; the way to the other pages stays. */
class PageBoundary extends Component<BoundaryProps, { readonly failed: boolean }> {
  override state = { failed: false }
  static getDerivedStateFromError() {
    return { failed: true }
  }
  override render() {
    if (!this.state.failed) return this.props.children
    return (
      <EmptyState icon="warning" title={this.props.title}>
        {this.props.text}
      </EmptyState>
    )
  }
}

function Page({ children }: { readonly children: ReactNode }) {
  const { t } = useI18n()
  return (
    <PageBoundary title={t.app.crashed.title} text={t.app.crashed.text}>
      <Suspense fallback={<Loading />}>{children}</Suspense>
    </PageBoundary>
  )
}

const Routes = () => (
  <Switch>
    <Route path="/">
      <Page key="overview">
        <Overview />
      </Page>
    </Route>
    <Route path="/map">
      <Page key="map">
        <MapPage />
      </Page>
    </Route>
    <Route path="/flows">
      <Page key="flows">
        <Flows />
      </Page>
    </Route>
    <Route path="/policies">
      <Page key="policies">
        <Policies />
      </Page>
    </Route>
    <Route path="/policies/new">
      <Page key="new">
        <NewPolicy />
      </Page>
    </Route>
    <Route path="/policies/suggest">
      <Page key="suggest">
        <Suggest />
      </Page>
    </Route>
    <Route path="/policies/changes">
      <Page key="changes">
        <Changes />
      </Page>
    </Route>
    <Route path="/policies/:kind/:namespace/:name">
      {({ kind, namespace, name }) => {
        const id = `${kind}/${namespace === '_' ? '' : namespace}/${name}`
        return (
          <Page key={id}>
            <Policy id={id} />
          </Page>
        )
      }}
    </Route>
    <Route path="/events">
      <Page key="events">
        <Events />
      </Page>
    </Route>
    <Route path="/agents">
      <Page key="agents">
        <Agents />
      </Page>
    </Route>
    <Route path="/audit">
      <Page key="audit">
        <Audit />
      </Page>
    </Route>
    <Route path="/login">{<Redirect to="/" replace />}</Route>
    <Route>
      <NotFound />
    </Route>
  </Switch>
)

/** The event stream lives as long as the login. */
function WithLive({ start, children }: { readonly start: () => Live; readonly children: ReactNode }) {
  const [live, setLive] = useState<Live>()
  useEffect(() => {
    const started = start()
    setLive(started)
    return started.stop
  }, [start])
  return live && <LiveProvider live={live}>{children}</LiveProvider>
}

export function App({ startLive }: { readonly startLive: () => Live }) {
  const [byLink] = useState(() => linkToken() !== '')
  const session = useSession(!byLink)
  const [wasIn, setWasIn] = useState(false)
  const loggedOut = session.error instanceof ApiError && session.error.code === 'unauthenticated'
  if (session.data && !loggedOut && !wasIn) setWasIn(true)

  if (loggedOut || (byLink && !session.data)) return <Login expired={wasIn} />
  if (!session.data) {
    return session.error ? (
      <Failure error={session.error} onRetry={() => void session.refetch()} />
    ) : (
      <Loading rows={3} />
    )
  }
  return (
    <WithLive start={startLive}>
      <Shell>
        <Routes />
      </Shell>
    </WithLive>
  )
}
