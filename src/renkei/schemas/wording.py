"""An event of the ledger as one plain Japanese sentence (閲覧記録の文): who, of which office and profession, when, what, why.

For the patient, on paper and on the screen. Words of professions and groups are the catalogue's; the rest stands here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.catalogue import load_catalogue
from renkei.catalogue.envelope import GROUP_TITLES
from renkei.errors import Conflict, NotFound, PreconditionFailed, TooManyRequests
from renkei.schemas.dates import TOKYO
from renkei.vocabulary import ActorKind, Basis, Group, Outcome, Permission, Reason

LOOKED = "{}を見ました"
LOOKED_IN_VAIN = "{}を見ようとしましたが、見せませんでした"
DID = "{}しました"
DID_IN_VAIN = "{}しようとしましたが、認めませんでした"

SEEN: Mapping[str, str] = {
    Permission.patient_search: "利用者の検索の結果",
    Permission.patient_read: "利用者の基本属性",
    Permission.link_read: "同一人物としての結び付き",
    Permission.candidate_read: "同一人物の候補",
    Permission.possible_duplicate_read: "可能性のある重複の一覧",
    Permission.face_sheet_read: "フェイスシート{}",
    Permission.care_report_read: "ケアレポート",
    Permission.draft_read: "記録の下書き",
    Permission.attachment_read: "添付{}",
    Permission.summary_read: "共有サマリー{}",
    Permission.consent_read: "同意の記録",
    Permission.consent_preview: "同意を変えたときに誰に何が見えるか",
    Permission.consent_evidence_read: "同意書の写し",
    Permission.care_team_read: "ケアチーム",
    Permission.access_request_read: "閲覧・参加の申請",
    Permission.emergency_access_read: "緊急閲覧の記録",
    Permission.access_read: "誰に何が見えるか",
    Permission.access_log_read: "閲覧記録",
    Permission.organization_read: "事業所の一覧",
    Permission.client_read: "連携システムの一覧",
    Permission.delegation_read: "委任の一覧",
    Permission.login_provider_read: "事業所のログインの設定",
    Permission.member_read: "職員の一覧",
    Permission.permission_table_read: "権限表",
    Permission.permission_table_preview: "権限表の変更が誰に及ぶか",
    Permission.access_review_read: "使われていない権限の一覧",
    Permission.audit_read: "監査記録",
    Permission.audit_seal_read: "監査記録の封印",
    Permission.breach_read: "漏えいの影響範囲",
    Permission.change_read: "更新情報",
    Permission.import_read: "一括取込の状況",
    Permission.export_read: "書出しの状況",
    Permission.import_mapping_read: "一括取込の列の割り当て",
    Permission.subscription_read: "通知先の一覧",
    Permission.delivery_read: "配信の記録",
}
"""What is looked at, by the act; ``{}``: the groups, where it names any."""

DONE: Mapping[str, str] = {
    Permission.patient_register: "利用者を登録",
    Permission.patient_change: "利用者の登録内容を変更",
    Permission.patient_link: "同一人物としての結び付けを記録",
    Permission.patient_unlink: "結び付きの解除を記録",
    Permission.patient_distinguish: "同一人物でないことを記録",
    Permission.face_sheet_submit: "フェイスシートを提出",
    Permission.face_sheet_withdraw: "フェイスシートを取下げ",
    Permission.care_report_submit: "ケアレポートを提出",
    Permission.care_report_withdraw: "ケアレポートを取下げ",
    Permission.draft_enter: "記録の下書きを入力",
    Permission.draft_change: "記録の下書きを変更",
    Permission.draft_discard: "記録の下書きを破棄",
    Permission.draft_confirm: "下書きを確認して記録を提出",
    Permission.draft_expire: "期限の過ぎた記録の下書きを消去",
    Permission.attachment_add: "添付を保存",
    Permission.attachment_withdraw: "添付を取下げ",
    Permission.consent_record: "同意を記録",
    Permission.consent_withdraw: "同意の撤回を記録",
    Permission.consent_evidence_add: "同意書の写しを保存",
    Permission.care_team_place: "ケアチームに事業所を登録",
    Permission.care_team_end: "ケアチームから事業所を除外",
    Permission.care_team_hand_over: "ケアチームの役割の引継ぎを記録",
    Permission.access_request_submit: "閲覧・参加を申請",
    Permission.access_request_approve: "閲覧・参加の申請を承認",
    Permission.access_request_refuse: "閲覧・参加の申請を却下",
    Permission.emergency_access_open: "緊急閲覧を開始",
    Permission.emergency_access_close: "緊急閲覧を終了",
    Permission.emergency_access_review: "緊急閲覧の検証結果を記録",
    Permission.organization_register: "事業所を登録",
    Permission.organization_suspend: "事業所の利用を停止",
    Permission.organization_resume: "事業所の利用を再開",
    Permission.client_register: "連携システムを登録",
    Permission.client_replace_keys: "連携システムの公開鍵を変更",
    Permission.client_renew: "連携システムの秘密を再発行",
    Permission.client_suspend: "連携システムの利用を停止",
    Permission.client_resume: "連携システムの利用を再開",
    Permission.delegation_register: "委任を登録",
    Permission.delegation_end: "委任を終了",
    Permission.login_provider_set: "事業所のログインを設定",
    Permission.login_provider_remove: "事業所のログインの設定を解除",
    Permission.member_invite: "職員を招待",
    Permission.member_reinvite: "職員の招待または再設定のリンクを発行",
    Permission.member_change: "職員の職を変更",
    Permission.member_end: "職員の職を終了",
    Permission.member_give_code: "職員に一時コードを発行",
    Permission.member_import: "職員名簿を取込",
    Permission.permission_table_edit: "権限表を変更",
    Permission.import_submit: "一括取込を依頼",
    Permission.export_request: "記録の書出しを依頼",
    Permission.export_make: "記録をファイルに書出し",
    Permission.export_download: "書出したファイルを受取り",
    Permission.export_cancel: "記録の書出しを中止",
    Permission.import_confirm: "一括取込を確定",
    Permission.import_cancel: "一括取込を中止",
    Permission.import_undo: "一括取込の取消しを依頼",
    Permission.import_mapping_save: "一括取込の列の割り当てを保存",
    Permission.change_notify: "更新情報を通知",
    Permission.subscription_register: "通知先を登録",
    Permission.subscription_edit: "通知先を変更",
    Permission.subscription_renew: "通知の署名鍵を再発行",
    Permission.subscription_resume: "通知を再開",
    Permission.subscription_end: "通知先を終了",
    Permission.delivery_repeat: "再配信を依頼",
}
"""What is done, by the act: the part of the sentence before しました."""

GROUNDS: Mapping[str, str] = {
    Basis.own: "自機関の記録がある",
    Basis.care_team: "ケアチームの一員",
    Basis.consent: "同意で名指しされている",
    Basis.emergency: "緊急閲覧",
    Basis.requested: "番号で照合し、参加を申請中",
    Basis.administration: "基盤の管理・監査",
}
REASONS: Mapping[str, str] = {
    Reason.no_consent: "同意がない",
    Reason.consent_withdrawn: "同意が撤回された",
    Reason.profession: "職種の権限がない",
    Reason.restricted: "同意で名指しされていない要配慮項目",
    Reason.family_consent_missing: "家族の同意がない",
    Reason.not_in_care_team: "ケアチームの一員でない",
    Reason.not_own_record: "自機関の記録でない",
    Reason.not_administrator: "管理者でない",
    Reason.own_matter: "自機関のことは自機関では決められない",
    Reason.scope: "委任またはトークンの範囲外",
    Reason.not_proved_recently: "本人の再確認が必要",
    NotFound.kind: "この利用者とのつながりがない、または指定したものがない",
    PreconditionFailed.kind: "ほかの人が先に変更した",
    TooManyRequests.kind: "回数の上限を超えた",
    Conflict.kind: "既にある記録と合わない",
}
"""Why something was refused. A conflict (409) has a code of its own for each case and is told as one."""

OFFICES: Mapping[str, str] = {
    ActorKind.client: "{organization}の連携システム",
    ActorKind.member: "職員",
    ActorKind.admin: "基盤の管理者",
    ActorKind.auditor: "基盤の監査人",
    ActorKind.organization_admin: "{organization}の事業所管理者",
    ActorKind.worker: "基盤の定期処理",
}
OPERATOR = "サーバーの運用者"
"""Who acts at the command line: no client has the nil id."""


def sentence(event: Any) -> str:
    """The sentence. event: an object with an event's columns and ``organization_name``."""
    allowed = event.outcome == Outcome.allowed
    # A notice is not fetched: it is sent to whoever subscribed.
    part = "に" if event.action == Permission.change_notify else "が"
    told = f"{_when(event.at)}、{_who(event)}{part}、{_what(event.action, event.groups, allowed)}。"
    if not allowed:
        return f"{told}理由:{REASONS.get(event.reason, REASONS[Conflict.kind])}。"
    grounds = "、".join(GROUNDS[basis] for basis in event.basis)
    return f"{told}根拠:{grounds}。" if grounds else told


def _when(at: datetime) -> str:
    here = at.astimezone(TOKYO)
    return f"{here.year}年{here.month}月{here.day}日 {here.hour}時{here.minute:02}分"


def _who(event: Any) -> str:
    organization = event.organization_name or "不明の事業所"
    if event.profession is not None and event.user_id is not None:
        words = load_catalogue().value_sets["profession"].codes
        return f"{organization}の{words[event.profession].ja} {event.user_name}さん"
    if event.client_id == UUID(int=0):
        return f"{OPERATOR} {event.user_name}" if event.user_name else OPERATOR
    office = OFFICES[event.actor_kind].format(organization=organization)
    return f"{office} {event.user_name}さん" if event.user_name else office


def _what(action: str, groups: Iterable[str], allowed: bool) -> str:
    named = "、".join(GROUP_TITLES[Group(group)][0] for group in groups)
    scope = f"({named})" if named else ""
    if action in SEEN:
        return (LOOKED if allowed else LOOKED_IN_VAIN).format(SEEN[action].format(scope))
    return (DID if allowed else DID_IN_VAIN).format(DONE.get(action, f"「{action}」を").format(scope))
