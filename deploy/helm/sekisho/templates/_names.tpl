{{/* One installation per cluster: names are the same in all releases. */}}
{{- define "sekisho.labels" -}}
app.kubernetes.io/part-of: sekisho
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "sekisho.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "sekisho.pull" -}}
image: {{ include "sekisho.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}
