import { useI18n } from '../../i18n/index.ts'
import { Button } from '../../ui/index.ts'

interface MoreButtonProps {
  readonly pages: {
    readonly hasNextPage: boolean
    readonly isFetchingNextPage: boolean
    readonly fetchNextPage: () => unknown
  }
}

export function MoreButton({ pages }: MoreButtonProps) {
  const { t } = useI18n()
  if (!pages.hasNextPage) return null
  return (
    <div className="more">
      <Button isDisabled={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
        {pages.isFetchingNextPage ? t.app.table.loading : t.app.table.loadMore}
      </Button>
    </div>
  )
}
