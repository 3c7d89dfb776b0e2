"""Words of a question that say nothing about what is looked for, beside those that PostgreSQL's dictionaries know.

Without accents, as texts are compared. Many cities' offices ask in sentences: how to help, what works, where to find. In
this exchange every record is about what a city does, so that `city` tells none from another.
"""

IDLE_WORDS = frozenset(
    """
    how what where which who whom why when can could should would may might must shall will do does did done make makes
    made get gets give gives take takes find finds found help helps helping want wants need needs look looks looking
    search show tell know try work works best good better new way ways example examples idea ideas practice practices
    experience experiences case cases project projects programme programmes program programs people person persons
    city cities town towns municipality municipalities local government governments come comes coming go going us me
    please like about using use used

    comment quoi quel quelle quels quelles ou quand pourquoi qui que peut peuvent pouvons pouvoir faire fait font faut
    doit doivent aider aide aident trouver trouve trouvent donner avoir etre exemple exemples bonne bonnes pratique
    pratiques projet projets personne personnes gens ville villes commune communes municipalite municipalites mairie
    mairies meme tres plus deja etait ete apres celui celle chez entre ainsi bien cherche cherchons veut voudrait

    como cual cuales donde cuando quien quienes puede pueden podemos podria poder hacer hace hacen debe deben ayudar
    ayuda ayudan encontrar encuentra dar tener ser ejemplo ejemplos buena buenas practica practicas proyecto proyectos
    persona personas gente ciudad ciudades municipio municipios ayuntamiento ayuntamientos mas tambien segun asi busco
    buscamos quiere queremos necesita necesitamos mejor

    kann konnen konnte sollte soll muss mussen darf durfen machen macht tun helfen hilft hilfe finden findet geben gibt
    haben hat sein ist beispiel beispiele gute praxis praktiken projekt projekte mensch menschen leute personen stadt
    stadte kommune kommunen gemeinde gemeinden fur uber wurde wurden warum wieso wo wer welche welcher welches suche
    suchen wollen mochte mochten brauchen wir man

    quale quali dove quando chi perche puo possono possiamo potere fare fa fanno deve devono aiutare aiuta aiutano
    trovare trova dare avere essere esempio esempi buona buone pratica pratiche progetto progetti persone citta comune
    comuni municipio municipi piu cosi gia anche cerco cerchiamo vuole vogliamo serve

    qual quais onde quem porque pode podem podemos deve devem ajudar ajuda ajudam apoiar encontrar dar ter exemplo
    exemplos boa boas projeto projetos pessoa pessoas cidade cidades camara camaras prefeitura prefeituras nao ate ja
    sao tambem mais procuro queremos precisa precisamos fazer faz fazem seu sua seus suas

    πως τι που ποιος ποια ποιο ποιοι ποιες ποτε γιατι μπορει μπορουν μπορουμε πρεπει κανω κανει κανουν κανουμε βοηθω
    βοηθησω βοηθαει βοηθουν βοηθησουμε βοηθησει βοηθεια βρω βρει βρουν βρουμε εχει εχουν ειναι παραδειγμα παραδειγματα
    καλη καλες πρακτικη πρακτικες εργο εργα ανθρωποι ανθρωπους ατομα πολη πολεις πολεων δημος δημοι δημου δημων δημους
    να θα οι τους τις των στο στη στην στον στα στους στις απο για και με σε ως ενα μια ενας

    كيف ما ماذا اين متي لماذا من هل يمكن يمكننا نستطيع يجب نساعد تساعد يساعد مساعده لمساعده ايجاد نجد عثور نفعل
    علي الي في عن مع هذا هذه ذلك ذين تي ذي ان او لا لم لن قد كان كانت هو هي هم نحن مثال امثله ممارسه ممارسات مشروع
    مشاريع اشخاص ناس مدينه مدن بلديات
    """.split()
)
