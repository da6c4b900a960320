import { autocompletion, closeBrackets } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { yaml as yamlLanguage } from '@codemirror/lang-yaml'
import { foldGutter, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint'
import { EditorState, type Text } from '@codemirror/state'
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import type { Problem } from '@sekisho/core'
import { useEffect, useEffectEvent, useRef } from 'react'

/** Colours come from the tokens, so that the editor follows the theme without knowing it. */
const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.content], color: 'var(--text)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--allowed)' },
  { tag: tags.comment, color: 'var(--muted)' },
  { tag: [tags.separator, tags.punctuation, tags.meta], color: 'var(--muted)' },
])

const theme = EditorView.theme({
  '&': { minHeight: '12rem', color: 'var(--text)', fontSize: 'var(--size)' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-gutters': { border: '0', background: 'var(--surface)', color: 'var(--muted)' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'var(--hover)' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': {
    background: 'var(--accent-soft) !important',
  },
  '.cm-tooltip': {
    border: '1px solid var(--line)',
    borderRadius: 'var(--radius)',
    background: 'var(--raised)',
  },
})

/** Positions of problems are from 1; one without a position belongs to the first line. */
function diagnostic(doc: Text, { line = 1, column = 1, path, reason }: Problem): Diagnostic {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines))
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to)
  return { from, to: at.to, severity: 'error', message: path === '' ? reason : `${path}: ${reason}` }
}

interface YamlEditorProps {
  readonly value: string
  readonly onChange: (yaml: string) => void
  readonly problems: readonly Problem[]
  readonly label: string
}

export default function YamlEditor({ value, onChange, problems, label }: YamlEditorProps) {
  const parent = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const changed = useEffectEvent(onChange)
  const initial = useRef(value)

  useEffect(() => {
    if (!parent.current) return
    const editor = new EditorView({
      parent: parent.current,
      state: EditorState.create({
        doc: initial.current,
        extensions: [
          lineNumbers(),
          foldGutter(),
          lintGutter(),
          history(),
          closeBrackets(),
          autocompletion(),
          highlightActiveLine(),
          indentUnit.of('  '),
          yamlLanguage(),
          theme,
          syntaxHighlighting(highlight),
          // Escape, then Tab leaves the editor: CodeMirror's own way out of the keyboard trap (WCAG 2.1.2).
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorView.updateListener.of(update => {
            if (update.docChanged) changed(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = editor
    return () => editor.destroy()
  }, [label])

  useEffect(() => {
    const editor = view.current
    if (!editor || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  useEffect(() => {
    const editor = view.current
    if (!editor) return
    const { doc } = editor.state
    editor.dispatch(
      setDiagnostics(
        editor.state,
        problems.map(problem => diagnostic(doc, problem)),
      ),
    )
  }, [problems])

  return <div ref={parent} className="yaml-editor" />
}
