{{- define "gateway.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: octoargo-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.instance.name }}
octoargo/instance: {{ . }}
{{- end }}
{{- end -}}

{{- define "gateway.registrationSecret" -}}
{{- .Values.registration.existingSecret | default (printf "%s-registration" (include "gateway.name" .)) -}}
{{- end -}}

{{- define "gateway.argocdSecret" -}}
{{- .Values.argocd.existingSecret | default (printf "%s-argocd" (include "gateway.name" .)) -}}
{{- end -}}

{{/* What a schema cannot say in a sentence: values that must fit each other. */}}
{{- define "gateway.check" -}}
{{- $hub := .Values.hub -}}
{{- $argocd := .Values.argocd -}}
{{- if and (not $argocd.token) (not $argocd.existingSecret) -}}
{{- fail "Set argocd.token, or argocd.existingSecret to a Secret with the key \"token\". Make a token with: argocd account generate-token --account octoargo" -}}
{{- end -}}
{{- if and $argocd.token $argocd.existingSecret -}}
{{- fail "Set argocd.token or argocd.existingSecret, not both." -}}
{{- end -}}
{{- if and .Values.registration.token .Values.registration.existingSecret -}}
{{- fail "Set registration.token or registration.existingSecret, not both." -}}
{{- end -}}
{{- if and (hasPrefix "http://" $argocd.url) (ne $argocd.tls "plaintext") -}}
{{- fail "argocd.url starts with http://, which would send the token unencrypted. Use https://, or set argocd.tls to plaintext." -}}
{{- end -}}
{{- if and (hasPrefix "https://" $argocd.url) (eq $argocd.tls "plaintext") -}}
{{- fail "argocd.tls is plaintext, but argocd.url starts with https://. Change one of them." -}}
{{- end -}}
{{- if and (eq $argocd.tls "custom_ca") (not $argocd.caBundle) -}}
{{- fail "argocd.tls is custom_ca: give the authority's certificate in argocd.caBundle (--set-file argocd.caBundle=argocd.crt)." -}}
{{- end -}}
{{- if gt (len (compact (list $hub.thumbprint $hub.caBundle (ternary "plaintext" "" $hub.plaintext)))) 1 -}}
{{- fail "hub.thumbprint, hub.caBundle and hub.plaintext exclude each other. Keep one." -}}
{{- end -}}
{{- end -}}
